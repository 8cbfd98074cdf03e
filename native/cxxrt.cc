// The few symbols of libstdc++ that the addon would otherwise import. Without them the release binary needs no C++ library, so that one
// file loads on glibc and musl. Not part of sanitizer builds.
#include <stdlib.h>

#include <new>
#include <string>

// Exceptions are off: running out of memory ends the process, as it does in V8 itself.
void* operator new(size_t size) {
  void* memory = malloc(size == 0 ? 1 : size);
  if (memory == nullptr) abort();
  return memory;
}
void* operator new[](size_t size) { return operator new(size); }
void operator delete(void* memory) noexcept { free(memory); }
void operator delete[](void* memory) noexcept { free(memory); }
void operator delete(void* memory, size_t) noexcept { free(memory); }
void operator delete[](void* memory, size_t) noexcept { free(memory); }

extern "C" void __cxa_pure_virtual() { abort(); }

namespace std {
void __throw_length_error(const char*) { abort(); }
void __throw_logic_error(const char*) { abort(); }
void __throw_bad_alloc() { abort(); }
void __throw_bad_array_new_length() { abort(); }
void __throw_out_of_range_fmt(const char*, ...) { abort(); }
template class basic_string<char>;
}  // namespace std
