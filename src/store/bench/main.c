/* main.c - bench_store [rows [threads [name]]] */
#include <malus/store.h>

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    mal_buf out = { 0 };
    mal_err err =
        mal_store_bench(&out, argc > 1 ? strtoull(argv[1], NULL, 10) : 0,
                        argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0,
                        argc > 3 ? argv[3] : NULL);
    if (err != MAL_OK)
        fprintf(stderr, "%s\n", mal_err_trail());
    fwrite(out.ptr, 1, out.len, stdout);
    mal_buf_clear(&out);
    return err != MAL_OK;
}
