// SPDX-License-Identifier: Apache-2.0
// The layer between an image and a container: what a container runtime mounts over, made so that it
// is there. Layers, mounts and labels must not come in.

#ifndef DMKIT_DRIVER_INIT_LAYER_H_
#define DMKIT_DRIVER_INIT_LAYER_H_

#include "absl/status/status.h"
#include "sys/host.h"

namespace dmkit::driver {

// Makes Docker's set in the tree `rootfs`: the directories /dev/pts, /dev/shm, /proc and /sys, the
// empty files /.dockerenv, /dev/console, /etc/hostname, /etc/hosts and /etc/resolv.conf, all with
// mode 0755 and owner 0:0, and the symbolic link /etc/mtab to /proc/mounts. Whatever is no
// directory on the way to one of them, or in its place, is removed first, so that no symbolic link
// is followed; a directory in the place of one is left as it is. Errors are those of the seam, by
// errno. Safe to repeat.
absl::Status SetUpInitLayer(sys::Dir& rootfs);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_INIT_LAYER_H_
