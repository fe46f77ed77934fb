/* A tagger in C99; made by seqmap export. It needs the C standard library, calls no malloc and keeps
   nothing outside the state that it is given: a state per thread makes it thread-safe.

       static @p@_state state;
       @p@_span spans[64];
       int count = @p@_tag(&state, text, strlen(text), spans, 64);
       for (int k = 0; k < count && k < 64; k++)
           printf("%s: %.*s\n", @p@_types[spans[k].type],
                  (int)(spans[k].end - spans[k].start), text + spans[k].start);
*/
#ifndef @P@_H
#define @P@_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* TYPES: kinds of spans, or labels of tokens; TAGS: what the network tells apart; WINDOW: longer
   texts are read in overlapping windows of so many tokens. */
@constants@
extern const char *const @p@_types[@P@_TYPES];

typedef struct {
    size_t start, end; /* bytes of the text */
    int type;
    float probability;
} @p@_span;

typedef struct {
    size_t start, end;
} @p@_token;

@types@
/* All that the model remembers; nothing in it is for you. */
typedef struct {
@members@} @p@_state;

/* Find the spans of a text in UTF-8 (what is not UTF-8 reads as U+FFFD), or the label of every token
   where the model has plain labels. Returns how many there are; only the first `capacity` are
   written. The state need not be initialised. */
int @p@_tag(@p@_state *state, const char *text, size_t size, @p@_span *spans, int capacity);

#ifdef __cplusplus
}
#endif

#endif
