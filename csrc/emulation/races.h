// Who has touched which byte of the emulated device's memory. The compiler announces every access of a kernel
// (-fsanitize=thread), and what it would be linked with for that is here instead.
#pragma once

#include <cstddef>

namespace pyxai::emulation {

enum class Access { read, write, atomic };

// What was done before comes before what a launch does; and a block's shared memory is new.
void begin_launch();
void begin_block();

// Bytes that kernels have read and written since they were asked for: each once a launch, as if it then
// stayed in a cache.
size_t traffic();

// An access of the running thread. Fails where it lies outside of every buffer, where another thread's to the
// same byte is not ordered with it and one of both writes, and where it reads shared memory that no thread
// has written.
void note(const void *address, size_t bytes, Access access);

// Whether the host has read or written memory of the device since this was last asked.
bool touched();

} // namespace pyxai::emulation
