/* A text classifier in C99; made by seqmap export. It needs the C standard library, calls no malloc
   and keeps nothing outside the state that it is given: a state per thread makes it thread-safe.

       static @p@_state state;
       float probabilities[@P@_CLASSES];
       int best = @p@_classify(&state, text, strlen(text), probabilities);
       puts(@p@_labels[best]);
*/
#ifndef @P@_H
#define @P@_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* CLASSES: how many labels; MULTI: whether a text may have several, each with a probability of its
   own; STREAMS: whether begin, feed, end and result are there; SYMBOLS: of a longer text the part is
   read that the model was trained to read. */
@constants@
extern const char *const @p@_labels[@P@_CLASSES];

@types@
/* All that the model remembers; nothing in it is for you. */
typedef struct {
@members@} @p@_state;

/* Answer a text in UTF-8 (what is not UTF-8 reads as U+FFFD). Returns the number of the most probable
   label, or a negative number: TOO_LONG, where there is such, says that the text has more different
   n-grams than the state can hold. The state need not be initialised. */
int @p@_classify(@p@_state *state, const char *text, size_t size,
                 float probabilities[@P@_CLASSES]);

#if @P@_STREAMS
/* A text of any length in pieces, cut anywhere. `result` answers for what was read so far (half a
   word at the end is not part of it until it is complete), and may be called at any time. */
void @p@_begin(@p@_state *state);
void @p@_feed(@p@_state *state, const char *piece, size_t size);
void @p@_end(@p@_state *state);
int @p@_result(@p@_state *state, float probabilities[@P@_CLASSES]);
#endif

#ifdef __cplusplus
}
#endif

#endif
