// Large aligned buffers that are reused over training steps, so that no step pays for page faults.
#pragma once

#include <cstddef>

namespace seqmap {

// Aligned to 64 bytes, uninitialised; nullptr when memory is short. At least one element.
void* acquire_bytes(size_t bytes);
void release_bytes(void* pointer);

// An owned buffer of plain values.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(size_t count) { reset(count); }
  Buffer(Buffer&& other) noexcept : data_(other.data_) { other.data_ = nullptr; }
  Buffer& operator=(Buffer&& other) noexcept {
    T* mine = data_;
    data_ = other.data_;
    other.data_ = mine;
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { release_bytes(data_); }

  // Drops the content; false when memory is short.
  bool reset(size_t count) {
    release_bytes(data_);
    data_ = static_cast<T*>(acquire_bytes((count == 0 ? 1 : count) * sizeof(T)));
    return data_ != nullptr;
  }
  T* get() const { return data_; }
  explicit operator bool() const { return data_ != nullptr; }

 private:
  T* data_ = nullptr;
};

}  // namespace seqmap
