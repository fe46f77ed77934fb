/* Finds the spans of each line of standard input: type, probability, text.

       cc -O3 -std=c99 @p@.c example.c -o example -lm && echo "some text" | ./example */
#include "@p@.h"
#include <stdio.h>
#include <string.h>

static @p@_state state;

int main(void)
{
    static char line[4096]; /* longer lines are answered in parts */
    static @p@_span spans[sizeof line];

    while (fgets(line, sizeof line, stdin)) {
        const int count = @p@_tag(&state, line, strcspn(line, "\n"), spans, (int)sizeof line);
        for (int k = 0; k < count; k++)
            printf("%s\t%.4f\t%.*s\n", @p@_types[spans[k].type], (double)spans[k].probability,
                   (int)(spans[k].end - spans[k].start), line + spans[k].start);
        puts("");
    }
    return 0;
}
