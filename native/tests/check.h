// A test framework of a few lines: TEST(name) { CHECK(...); } and a run over every instruction set.
#pragma once

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

struct Case {
  const char* name;
  void (*run)();
};

inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

inline int& failures() {
  static int count = 0;
  return count;
}

struct Registration {
  Registration(const char* name, void (*run)()) { cases().push_back({name, run}); }
};

#define TEST(name)                                       \
  static void test_##name();                             \
  static const Registration register_##name(#name, test_##name); \
  static void test_##name()

#define CHECK(condition)                                                              \
  do {                                                                                \
    if (!(condition)) {                                                               \
      std::printf("%s:%d: %s\n", __FILE__, __LINE__, #condition);                     \
      ++failures();                                                                   \
    }                                                                                 \
  } while (0)

// Calls body(name) once for every dispatch path of this machine, each with and without its sub-features.
void for_every_path(const std::function<void(const std::string&)>& body);
