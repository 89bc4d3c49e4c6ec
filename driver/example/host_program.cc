// SPDX-License-Identifier: Apache-2.0
// A program that keeps layers of its own, linked with the driver: makes an image, puts something
// into it, and makes a layer from it that sees the file. `host_program DIR`, as root.

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "driver/driver.h"
#include "sys/linux_host.h"

using dmkit::driver::Driver;

absl::Status KeepLayers(const dmkit::sys::Host& host, const std::string& root) {
  absl::StatusOr<dmkit::dm::DeviceMapper> dm = dmkit::dm::DeviceMapper::Open(host);
  if (!dm.ok()) return dm.status();
  dmkit::driver::DriverConfig config;
  config.root = root;
  config.options.base_size = dmkit::sys::Bytes(uint64_t{1} << 30);
  absl::StatusOr<std::unique_ptr<Driver>> layers = Driver::Open(*dm, config);
  if (!layers.ok()) return layers.status();
  Driver& driver = **layers;

  absl::Status status = driver.Create("image", {});
  if (!status.ok()) return status;
  absl::StatusOr<std::string> rootfs = driver.Get("image");  // mounted now
  if (!rootfs.ok()) return rootfs.status();
  status = host.root->MakeDir(*rootfs + "/hello", 0755);
  status.Update(driver.Put("image", false));  // each get wants a put
  dmkit::driver::CreateOptions from_image;
  from_image.parent = "image";
  status.Update(driver.Create("web", from_image));
  if (!status.ok()) return status;

  rootfs = driver.Get("web");
  if (!rootfs.ok()) return rootfs.status();
  const bool same = host.root->Stat(*rootfs + "/hello").ok();
  std::printf("%s %s\n", rootfs->c_str(), same ? "has what image had" : "is empty");
  return driver.Put("web", false);
}

int main(int argc, char** argv) {
  const dmkit::sys::LinuxHost linux_host;
  const absl::Status status = KeepLayers(linux_host.host(), argc == 2 ? argv[1] : "");
  if (!status.ok()) std::fprintf(stderr, "host_program: %s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
