/* Answers each line of standard input: the label, its probability, the line.

       cc -O3 -std=c99 @p@.c example.c -o example -lm && echo "some text" | ./example */
#include "@p@.h"
#include <stdio.h>
#include <string.h>

static @p@_state state;

int main(void)
{
    static char line[4096]; /* longer lines are answered in parts */
    float probabilities[@P@_CLASSES];

    while (fgets(line, sizeof line, stdin)) {
        const size_t size = strcspn(line, "\n");
        const int best = @p@_classify(&state, line, size, probabilities);
        if (best < 0)
            return 1;
        printf("%s\t%.4f\t%.*s\n", @p@_labels[best], (double)probabilities[best], (int)size, line);
    }
    return 0;
}
