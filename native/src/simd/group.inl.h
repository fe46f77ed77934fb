// N vectors that go through the same operations side by side. A function such as tanh is one long chain of dependent
// instructions; in a group N chains run at once. Included by simd.h inside the variant's namespace.

template <int N>
struct Group {
  Vec v[N];
};

#define SEQMAP_GROUP(expression)                  \
  Group<N> result;                                \
  _Pragma("GCC unroll 8") for (int i = 0; i < N; ++i) result.v[i] = expression; \
  return result

template <int N>
SEQMAP_INLINE Group<N> add(Group<N> a, Group<N> b) { SEQMAP_GROUP(add(a.v[i], b.v[i])); }
template <int N>
SEQMAP_INLINE Group<N> sub(Group<N> a, Group<N> b) { SEQMAP_GROUP(sub(a.v[i], b.v[i])); }
template <int N>
SEQMAP_INLINE Group<N> mul(Group<N> a, Group<N> b) { SEQMAP_GROUP(mul(a.v[i], b.v[i])); }
template <int N>
SEQMAP_INLINE Group<N> fma(Group<N> a, Group<N> b, Group<N> c) { SEQMAP_GROUP(fma(a.v[i], b.v[i], c.v[i])); }
template <int N>
SEQMAP_INLINE Group<N> fnma(Group<N> a, Group<N> b, Group<N> c) { SEQMAP_GROUP(fnma(a.v[i], b.v[i], c.v[i])); }
template <int N>
SEQMAP_INLINE Group<N> min_keep_nan(float limit, Group<N> x) { SEQMAP_GROUP(min_keep_nan(limit, x.v[i])); }
template <int N>
SEQMAP_INLINE Group<N> max_keep_nan(float limit, Group<N> x) { SEQMAP_GROUP(max_keep_nan(limit, x.v[i])); }
template <int N>
SEQMAP_INLINE Group<N> round_even(Group<N> x) { SEQMAP_GROUP(round_even(x.v[i])); }
template <int N>
SEQMAP_INLINE Group<N> exp2_int(Group<N> x) { SEQMAP_GROUP(exp2_int(x.v[i])); }
template <int N>
SEQMAP_INLINE Group<N> reciprocal(Group<N> x) { SEQMAP_GROUP(reciprocal(x.v[i])); }

#undef SEQMAP_GROUP

// A constant in every lane of a Vec or a Group.
template <class T>
struct Constant;
template <>
struct Constant<Vec> {
  SEQMAP_INLINE Vec of(float x) { return set1(x); }
};
template <int N>
struct Constant<Group<N>> {
  SEQMAP_INLINE Group<N> of(float x) {
    Group<N> result;
#pragma GCC unroll 8
    for (int i = 0; i < N; ++i) result.v[i] = set1(x);
    return result;
  }
};
template <class T>
SEQMAP_INLINE T constant(float x) {
  return Constant<T>::of(x);
}
