/* The matrix-vector products of one token of a 15M-parameter Llama shape, and nothing else: what decoding cannot do without.
   gcc -Ofast -march=native bench/decode-peer.c -o decode-peer
   For each number on standard input, does that many tokens and prints the processor time of one, in nanoseconds.
   With the argument "huge" the weights lie in transparent huge pages, else in what malloc gives. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

enum { DIM = 288, HIDDEN = 768, LAYERS = 6, VOCABULARY = 32000 };

static int huge;

static float *random_floats(long count) {
    long bytes = count * sizeof(float);
    float *values = huge ? aligned_alloc(2 << 20, (bytes + (2 << 20) - 1) & -(2L << 20)) : malloc(bytes);
    if (huge) madvise(values, bytes, MADV_HUGEPAGE);
    for (long i = 0; i < count; i++) values[i] = rand() / (float)RAND_MAX - 0.5f;
    return values;
}

static void multiply(float *out, const float *weights, const float *in, int rows, int columns) {
    for (int row = 0; row < rows; row++) {
        float sum = 0;
        for (int i = 0; i < columns; i++) sum += weights[(long)row * columns + i] * in[i];
        out[row] = sum;
    }
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(int argc, char **argv) {
    huge = argc > 1;
    float *square[LAYERS][4], *gate[LAYERS], *up[LAYERS], *down[LAYERS];
    for (int layer = 0; layer < LAYERS; layer++) {
        for (int i = 0; i < 4; i++) square[layer][i] = random_floats(DIM * DIM);
        gate[layer] = random_floats(DIM * HIDDEN);
        up[layer] = random_floats(DIM * HIDDEN);
        down[layer] = random_floats(DIM * HIDDEN);
    }
    float *head = random_floats((long)VOCABULARY * DIM), *logits = random_floats(VOCABULARY);
    float *x = random_floats(DIM), *y = random_floats(DIM), *wide = random_floats(HIDDEN), *wider = random_floats(HIDDEN);

    int tokens;
    double checksum = 0;
    while (scanf("%d", &tokens) == 1) {
        double start = now();
        for (int token = 0; token < tokens; token++) {
            for (int layer = 0; layer < LAYERS; layer++) {
                for (int i = 0; i < 4; i++) multiply(y, square[layer][i], x, DIM, DIM);
                multiply(wide, gate[layer], x, HIDDEN, DIM);
                multiply(wider, up[layer], x, HIDDEN, DIM);
                multiply(y, down[layer], wide, DIM, HIDDEN);
            }
            multiply(logits, head, x, VOCABULARY, DIM);
            x[token % DIM] += 1e-9f * logits[token % VOCABULARY]; /* no token may be left out for being like the last */
            checksum += logits[0] + y[0] + wider[0];
        }
        printf("%.0f\n", (now() - start) / tokens);
        fflush(stdout);
    }
    fprintf(stderr, "%g\n", checksum);
    return 0;
}
