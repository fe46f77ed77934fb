/* Answers texts from standard input, each behind its size (4 bytes, little end first): a line of
   probabilities each. At the end: seconds, bytes of the state, cycles (of the fastest of three answers to each
   text). Streaming models answer again, with the text in pieces. */
#include "@p@.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static @p@_state state;

/* Cycles of the processor's own clock; 0 where it has none that a program may read. */
static unsigned long long ticks(void)
{
#if defined(__x86_64__) || defined(__i386__)
    return __builtin_ia32_rdtsc();
#else
    return 0;
#endif
}

static void show(const float *probabilities)
{
    for (int k = 0; k < @P@_CLASSES; k++)
        printf("%.9g ", (double)probabilities[k]);
}

int main(void)
{
    unsigned char head[4];
    float probabilities[@P@_CLASSES];
    clock_t used = 0;
    unsigned long long cycles = 0;

    memset(&state, 0xa5, sizeof state);
    while (fread(head, 1, 4, stdin) == 4) {
        const size_t size = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 |
                            (size_t)head[3] << 24;
        char *const text = malloc(size ? size : 1); /* of its own, so that sanitizers see its end */
        if (!text || fread(text, 1, size, stdin) != size)
            return 1;
        const clock_t begin = clock();
        if (@p@_classify(&state, text, size, probabilities) < 0) {
            free(text);
            return 2;
        }
        used += clock() - begin;
        unsigned long long least = (unsigned long long)-1;
        for (int k = 0; k < 3; k++) {
            const unsigned long long start = ticks();
            @p@_classify(&state, text, size, probabilities);
            const unsigned long long took = ticks() - start;
            least = took < least ? took : least;
        }
        cycles += least;
        show(probabilities);
#if @P@_STREAMS
        size_t step = 1;
        @p@_begin(&state);
        for (size_t at = 0; at < size; at += step, step = step % 7 + 1) {
            if (step > size - at)
                step = size - at;
            @p@_feed(&state, text + at, step);
            if (@p@_result(&state, probabilities) < 0)
                return 3;
        }
        @p@_end(&state);
        if (@p@_result(&state, probabilities) < 0)
            return 3;
        show(probabilities);
#endif
        putchar('\n');
        free(text);
    }
    printf("%.6f %lu %llu\n", (double)used / CLOCKS_PER_SEC, (unsigned long)sizeof state, cycles);
    return 0;
}
