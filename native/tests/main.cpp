#include <cstring>
#include <set>

#include "check.h"
#include "seqmap_core.h"

namespace {

// Every path that some test ran on.
std::set<std::string>& paths() {
  static std::set<std::string> all;
  return all;
}

}  // namespace

void for_every_path(const std::function<void(const std::string&)>& body) {
  for (const char* isa : {"portable", "avx2", "avx512", "neon"}) {
    if (!seqmap_isa_available(isa)) continue;
    seqmap_set_isa(isa);
    const auto run = [&](const std::string& path) {
      paths().insert(path);
      body(path);
    };
    run(isa);
    if (seqmap_has_feature("amx")) {
      seqmap_set_feature("amx", 0);
      run(std::string(isa) + " without tiles");
      seqmap_set_feature("amx", 1);
    }
    for (const char* feature : {"bf16", "vnni"}) seqmap_set_feature(feature, 0);
    run(std::string(isa) + " without sub-features");
    for (const char* feature : {"bf16", "vnni"}) seqmap_set_feature(feature, 1);
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
  std::string ran;
  for (const std::string& path : paths()) ran += (ran.empty() ? "" : ", ") + path;
  if (failures() == 0) std::printf("all passed on: %s\n", ran.c_str());
  return failures() == 0 ? 0 : 1;
}
