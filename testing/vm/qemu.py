# SPDX-License-Identifier: Apache-2.0
"""One boot of the guest in QEMU: starts it, passes its output on, and says how it ended.

Each channel between guest and host is a socket that QEMU was born with: the console (kernel and
init), and four virtio-serial ports, which are binary-safe: the command's output and errors, the
control channel (lines: `ready`, `exit N`, `hardstop`, `synced`) and files coming back as a tar
stream. What the guest is made of, and which exit status an end means, is decided elsewhere.
"""

import enum
import os
import selectors
import socket
import subprocess
import time

_PORTS = ["output", "errors", "control", "files"]

# How long a guest that is done, or has panicked, may take to go away by itself.
_GRACE_S = 10
# The same when it still has to write its disk.
_SYNC_GRACE_S = 60


class End(enum.Enum):
    EXIT = "the command ended"
    HARD_STOP = "the guest was stopped hard"
    PANIC = "the guest's kernel panicked"
    VANISHED = "the guest stopped without an exit status"
    TIMEOUT = "the guest ran out of time"
    BOOT_TIMEOUT = "the guest did not come up in time"
    NO_BOOT = "the guest did not come up"


def command_line(accel, cpus, memory, kernel, initrd, append, disk, cache, sockets):
    """QEMU's arguments; `sockets` maps each channel to a descriptor that QEMU inherits."""
    words = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot"]
    words += ["-display", "none", "-M", "pc", "-smp", str(cpus), "-m", str(memory)]
    # /dev/kvm may be there and still not work: it is used only when asked for. Without erms and
    # fsrm the kernel copies memory by words, not by "rep movsb", which is emulated byte by byte.
    words += ["-accel", "kvm", "-cpu", "host"] if accel == "kvm" else \
        ["-accel", "tcg,thread=multi", "-cpu", "max,-erms,-fsrm"]
    words += ["-kernel", kernel, "-initrd", initrd, "-append", append]
    words += ["-drive", f"file={disk.replace(',', ',,')},format=raw,if=virtio,cache={cache}"]
    for name, end in sockets.items():
        words += ["-chardev", f"socket,id={name},fd={end.fileno()}"]
    words += ["-serial", "chardev:console", "-device", "virtio-serial-pci"]
    for name in _PORTS:
        words += ["-device", f"virtserialport,chardev={name},name={name}"]
    return words


class Boot:
    """One boot. After run(): `console` and `files` are what came, `status` is the command's, and
    `ready` says whether the guest came as far as to start it."""

    def __init__(self, output, errors, on_ready, keep):
        self._handlers = {
            "console": self._on_console,
            "output": output,
            "errors": errors,
            "control": self._on_control,
            "files": self._on_files,
        }
        self._on_ready = on_ready
        self._grace = _SYNC_GRACE_S if keep else _GRACE_S
        self._lines = b""
        self.ready = False
        self._hard_stop = False
        self._panic = False
        self._deadline = None
        self.console = bytearray()
        self.files = bytearray()
        self.status = None
        self.synced = False

    def run(self, arguments, timeout, boot_timeout):
        """Runs to the end and returns it. `arguments` are those of command_line() without the
        sockets; times in seconds."""
        ours, theirs = {}, {}
        for name in self._handlers:
            ours[name], theirs[name] = socket.socketpair()
        words = command_line(sockets=theirs, **arguments)
        # QEMU's own complaints go where the console goes. It must not outlive us.
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *words],
            stdin=subprocess.DEVNULL, stdout=theirs["console"], stderr=subprocess.STDOUT,
            pass_fds=[end.fileno() for end in theirs.values()], start_new_session=True)
        try:
            for end in theirs.values():
                end.close()
            return self._end(self._pump(ours, timeout, boot_timeout))
        finally:
            process.kill()
            process.wait()
            for end in ours.values():
                end.close()

    def _pump(self, channels, timeout, boot_timeout):
        """Passes on what comes until QEMU has gone; returns the deadline that passed, or None."""
        start = time.monotonic()
        with selectors.DefaultSelector() as selector:
            for name, channel in channels.items():
                selector.register(channel, selectors.EVENT_READ, self._handlers[name])
            while selector.get_map():
                deadlines = {End.TIMEOUT: start + timeout}
                if not self.ready:
                    deadlines[End.BOOT_TIMEOUT] = start + boot_timeout
                if self._deadline:
                    deadlines[End.EXIT] = self._deadline
                which = min(deadlines, key=deadlines.get)
                left = deadlines[which] - time.monotonic()
                if left <= 0:
                    return which
                for key, _ in selector.select(left):
                    data = key.fileobj.recv(1 << 16)
                    if data:
                        key.data(data)
                    else:
                        selector.unregister(key.fileobj)
        return None

    def _end(self, passed):
        if self.status is not None:
            return End.EXIT
        if self._panic:
            return End.PANIC
        if passed in (End.TIMEOUT, End.BOOT_TIMEOUT):
            return passed
        if not self.ready:
            return End.NO_BOOT
        return End.HARD_STOP if self._hard_stop else End.VANISHED

    def _on_console(self, data):
        self.console += data
        if not self._panic and b"Kernel panic - not syncing" in self.console:
            self._panic = True
            self._deadline = time.monotonic() + _GRACE_S

    def _on_files(self, data):
        self.files += data

    def _on_control(self, data):
        *lines, self._lines = (self._lines + data).split(b"\n")
        for line in lines:
            word, _, rest = line.partition(b" ")
            if word == b"ready":
                self.ready = True
                self._on_ready()
            elif word == b"exit":
                self.status = int(rest)
                self._deadline = time.monotonic() + self._grace
            elif word == b"hardstop":
                self._hard_stop = True
            elif word == b"synced":
                self.synced = True
