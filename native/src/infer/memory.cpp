#include "infer/memory.h"

#include <cstdlib>
#include <cstring>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace seqmap {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

// From this size on, fresh pages come from the system one by one as they are touched.
constexpr size_t kMapped = size_t{1} << 20;

void* obtain(size_t bytes) {
#if defined(__linux__)
  if (bytes >= kMapped) {
    // Room for an alignment to huge pages; what lies outside is never touched.
    void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) throw std::bad_alloc();
    madvise(p, bytes, MADV_HUGEPAGE);
    return p;
  }
#endif
  void* p = nullptr;
#if defined(_WIN32)
  p = _aligned_malloc(bytes, 64);
#else
  if (posix_memalign(&p, 64, bytes) != 0) p = nullptr;
#endif
  if (p == nullptr) throw std::bad_alloc();
  std::memset(p, 0, bytes);
  return p;
}

void surrender(void* p, size_t bytes) {
  if (p == nullptr) return;
#if defined(__linux__)
  if (bytes >= kMapped) {
    munmap(p, bytes);
    return;
  }
#endif
#if defined(_WIN32)
  _aligned_free(p);
#else
  std::free(p);
#endif
  static_cast<void>(bytes);
}

size_t rounded(size_t bytes) {
  const size_t unit = bytes >= kMapped ? kHugePage : 64;
  return (bytes + unit - 1) / unit * unit;
}

}  // namespace

Block::Block(size_t bytes) : bytes_(rounded(bytes == 0 ? 1 : bytes)) { data_ = obtain(bytes_); }

Block::Block(Block&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

Block& Block::operator=(Block&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Block::~Block() { surrender(data_, bytes_); }

Scratch& Scratch::mine() {
  static thread_local Scratch scratch;
  return scratch;
}

void Scratch::next_chunk(size_t bytes) {
  constexpr size_t kSmallest = size_t{256} << 10;
  const size_t next = chunks_.empty() ? 0 : chunk_ + 1;
  if (next == chunks_.size()) {
    chunks_.emplace_back(bytes > kSmallest ? bytes : kSmallest);
  } else if (chunks_[next].bytes() < bytes) {
    chunks_[next] = Block(bytes);
  }
  chunk_ = next;
  used_ = 0;
}

// An empty stack with several chunks becomes one chunk of their size, so that it settles.
void Scratch::give_back(size_t chunk, size_t used) {
  chunk_ = chunk;
  used_ = used;
  if (chunk == 0 && used == 0 && chunks_.size() > 1) {
    size_t total = 0;
    for (const Block& block : chunks_) total += block.bytes();
    constexpr size_t kKept = size_t{64} << 20;  // a huge document should not hold memory for ever
    chunks_.clear();
    if (total <= kKept) {
      try {
        chunks_.emplace_back(total);
      } catch (const std::bad_alloc&) {
        // It starts from nothing next time.
      }
    }
  }
}

}  // namespace seqmap
