// Memory of the deployed encoder: weights that stay, and a stack of scratch memory per thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

namespace seqmap {

// Zeroed memory aligned to 64 bytes; large blocks ask for huge pages, since a step touches all of them. Pages that
// are never touched cost nothing. Throws std::bad_alloc.
class Block {
 public:
  Block() = default;
  explicit Block(size_t bytes);
  Block(Block&& other) noexcept;
  Block& operator=(Block&& other) noexcept;
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block();

  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  size_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

// A stack of scratch memory: taking from it costs a few instructions, and nothing once it has grown. Whatever was
// taken after a Scratch::Frame was made goes back with the frame.
class Scratch {
 public:
  // Of the calling thread.
  static Scratch& mine();

  // Room for `count` values, aligned to 64 bytes, uninitialised. Throws std::bad_alloc.
  template <class T>
  T* take(size_t count) {
    return static_cast<T*>(take_bytes(count * sizeof(T)));
  }

  class Frame {
   public:
    explicit Frame(Scratch& owner) : owner_(owner), chunk_(owner.chunk_), used_(owner.used_) {}
    ~Frame() { owner_.give_back(chunk_, used_); }
    Frame(const Frame&) = delete;
    Frame& operator=(const Frame&) = delete;

   private:
    Scratch& owner_;
    size_t chunk_, used_;
  };

 private:
  void* take_bytes(size_t bytes) {
    bytes = (bytes + 63) / 64 * 64;
    if (chunks_.empty() || used_ + bytes > chunks_[chunk_].bytes()) next_chunk(bytes);
    char* p = chunks_[chunk_].as<char>() + used_;
    used_ += bytes;
    return p;
  }
  void next_chunk(size_t bytes);
  void give_back(size_t chunk, size_t used);

  std::vector<Block> chunks_;
  size_t chunk_ = 0, used_ = 0;
};

}  // namespace seqmap
