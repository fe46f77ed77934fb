#include <cstring>

#include "check.h"
#include "seqmap_core.h"

void for_every_path(const std::function<void(const std::string&)>& body) {
  for (const char* isa : {"portable", "avx2", "avx512", "neon"}) {
    if (!seqmap_isa_available(isa)) continue;
    seqmap_set_isa(isa);
    for (int features = 1; features >= 0; --features) {
      seqmap_set_feature("bf16", features);
      seqmap_set_feature("vnni", features);
      body(std::string(isa) + (features ? "" : " without sub-features"));
    }
    seqmap_set_feature("bf16", 1);
    seqmap_set_feature("vnni", 1);
  }
  seqmap_set_isa("auto");
}

// Runs every test, or those whose name contains the first argument.
int main(int count, char** arguments) {
  for (const Case& test : cases()) {
    if (count > 1 && std::strstr(test.name, arguments[1]) == nullptr) continue;
    std::printf("%s\n", test.name);
    std::fflush(stdout);
    test.run();
  }
  if (failures() == 0) std::printf("all passed\n");
  return failures() == 0 ? 0 : 1;
}
