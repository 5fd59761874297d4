// From the kernel's numbers to those of the capture format.
#pragma once

#include <cstdint>

namespace slurper {

[[nodiscard]] std::uint32_t scap_open_flags(std::uint64_t flags);
[[nodiscard]] std::uint32_t scap_clone_flags(std::uint64_t flags);
[[nodiscard]] std::uint32_t scap_mmap_flags(std::uint64_t flags);
[[nodiscard]] std::uint16_t scap_poll_flags(std::uint16_t flags);
[[nodiscard]] std::uint8_t scap_fcntl_command(std::uint64_t command);

// The kernel keeps major << 20 | minor; programs see it in another order.
[[nodiscard]] std::uint32_t device_for_programs(std::uint32_t kernel_device);
[[nodiscard]] std::uint32_t device_for_kernel(std::uint64_t device_of_programs);

}  // namespace slurper
