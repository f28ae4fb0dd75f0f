/* csv.c - two files of text in, the lines that both have out: measured.
 *
 * Two processes as in bench.c, each with a file of lines "id,amount".  A party
 * reads its file once, hashes ids to keys, and puts them into buckets on disk;
 * after the run the receiver reads its file again and writes the lines whose id
 * the sender has, in their order.  Memory is bounded by a bucket.
 */
#include "bench_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WINDOW ((size_t)1 << 20) /* of a file in memory; a line is shorter */
#define KEYS_AT_ONCE 1024u

/* --- Lines ---------------------------------------------------------------- */

/* A file seen through a window; lines are views into it. */
typedef struct lines {
    int fd;
    uint8_t *window;
    size_t at, end;
    bool last;
} lines;

static void lines_clear(lines *l) {
    mal_fd_auto(&l->fd);
    mal_free(l->window);
    l->window = NULL;
}

static mal_err lines_open(lines *l, const char *path) {
    *l = (lines){ .fd = open(path, O_RDONLY | O_CLOEXEC) };
    MAL_REQUIRE(l->fd >= 0, MAL_E_IO, "cannot read %s: %s", path,
                strerror(errno));
    l->window = mal_calloc(WINDOW, 1);
    return l->window ? MAL_OK : mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
}

static mal_err refill(lines *l) {
    memmove(l->window, l->window + l->at, l->end - l->at);
    l->end -= l->at;
    l->at = 0;
    while (l->end < WINDOW && !l->last) {
        ssize_t n = read(l->fd, l->window + l->end, WINDOW - l->end);
        if (n < 0 && errno == EINTR)
            continue;
        MAL_REQUIRE(n >= 0, MAL_E_IO, "cannot read: %s", strerror(errno));
        l->last = n == 0;
        l->end += (size_t)n;
    }
    return MAL_OK;
}

/* The next line without its end; ptr NULL at the end of the file. */
static mal_err next_line(lines *l, mal_bytes *line) {
    *line = (mal_bytes){ 0 };
    const uint8_t *eol = memchr(l->window + l->at, '\n', l->end - l->at);
    if (!eol && !l->last) {
        MAL_TRY(refill(l));
        eol = memchr(l->window + l->at, '\n', l->end - l->at);
    }
    if (l->at == l->end)
        return MAL_OK;
    MAL_REQUIRE(eol || l->last, MAL_E_LIMIT, "a line of more than %zu bytes",
                WINDOW);
    const size_t stop = eol ? (size_t)(eol - l->window) : l->end;
    *line = mal_bytes_of(l->window + l->at, stop - l->at);
    l->at = stop + (eol != NULL);
    return MAL_OK;
}

/* The first field: to the first comma, or between quotes. */
static mal_bytes first_field(mal_bytes line) {
    const bool quoted = line.len && line.ptr[0] == '"';
    const uint8_t *from = line.ptr + quoted;
    const uint8_t *to = memchr(from, quoted ? '"' : ',', line.len - quoted);
    return mal_bytes_of(from, to ? (size_t)(to - from) : line.len - quoted);
}

/* Ids that wait to be hashed: each padded with zeros, its length last, so that
 * all have one length and no two are alike. */
#define ID_ROOM 47u
typedef struct ids {
    mal_prim_oracle oracle;
    uint8_t padded[KEYS_AT_ONCE][ID_ROOM + 1];
    mal_psi_key keys[KEYS_AT_ONCE];
    size_t n;
} ids;

/* A long id goes in as the hash of itself, and with a length no id has. */
static void ids_add(ids *s, mal_bytes id) {
    uint8_t *to = s->padded[s->n++];
    mal_prim_hash h;
    memset(to, 0, ID_ROOM + 1);
    to[ID_ROOM] = (uint8_t)(id.len <= ID_ROOM ? id.len : 0xff);
    if (id.len > ID_ROOM) {
        mal_prim_hash_parts(&h, "malus psi long id", &id, 1);
        id = mal_bytes_of(h.b, sizeof h.b);
    }
    if (id.len)
        memcpy(to, id.ptr, id.len);
}

static mal_err ids_flush(ids *s, mal_psi_big *big) {
    const size_t n = s->n;
    s->n = 0;
    mal_prim_oracle_many(s->keys, s->padded, ID_ROOM + 1, n, &s->oracle);
    return mal_psi_big_add(big, s->keys, n);
}

/* --- One party ------------------------------------------------------------ */

static mal_err add_lines(mal_psi_big *big, lines *in, ids *s) {
    mal_bytes line;
    MAL_TRY(next_line(in, &line)); /* the heading */
    MAL_TRY(next_line(in, &line));
    while (line.ptr) {
        ids_add(s, first_field(line));
        if (s->n == KEYS_AT_ONCE)
            MAL_TRY(ids_flush(s, big));
        MAL_TRY(next_line(in, &line));
    }
    return ids_flush(s, big);
}

static mal_err read_keys(mal_psi_big *big, const csv_job *j) {
    MAL_AUTO(lines_clear) lines in = { .fd = -1 };
    MAL_TRY(lines_open(&in, j->in));
    ids *s = mal_calloc(1, sizeof *s);
    if (!s)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    mal_prim_oracle_init(
        &s->oracle, "malus psi id",
        mal_bytes_of(j->options.params.session, MAL_PSI_SESSION));
    mal_err err = add_lines(big, &in, s);
    mal_wipe(s, sizeof *s);
    mal_free(s);
    MAL_TRY(err);
    return mal_psi_big_seal(big);
}

static mal_err copy_lines(FILE *out, const csv_job *j, const uint64_t *hits,
                          uint64_t *n_out) {
    MAL_AUTO(lines_clear) lines in = { .fd = -1 };
    mal_bytes line;
    MAL_TRY(lines_open(&in, j->in));
    for (uint64_t row = 0;; row++) {
        MAL_TRY(next_line(&in, &line));
        if (!line.ptr)
            return MAL_OK;
        const bool wanted = /* row 0 is the heading */
            row == 0 || (hits[(row - 1) / 64] >> ((row - 1) % 64) & 1);
        *n_out += wanted && row;
        if (wanted && (fwrite(line.ptr, 1, line.len, out) != line.len ||
                       putc('\n', out) == EOF))
            MAL_FAIL(MAL_E_IO, "cannot write %s", j->out);
    }
}

static mal_err write_common(mal_psi_big *big, const csv_job *j,
                            uint64_t *n_out) {
    uint64_t *hits = mal_calloc(mal_psi_big_rows(big) / 64 + 1, sizeof *hits);
    FILE *out = fopen(j->out, "w");
    mal_err err = hits && out ? mal_psi_big_hits(big, hits) : MAL_E_IO;
    if (err == MAL_OK)
        err = copy_lines(out, j, hits, n_out);
    if (out && fclose(out) != 0 && err == MAL_OK)
        err = MAL_E_IO;
    mal_free(hits);
    return err;
}

mal_err bench_csv_party(const csv_job *j, mal_chan *chan, uint64_t *n_out) {
    MAL_AUTO(mal_psi_big_auto) mal_psi_big *big = NULL;
    MAL_TRY(mal_psi_big_open(&big, &j->options));
    if (!mal_psi_big_filled(big))
        MAL_TRY(read_keys(big, j));
    MAL_TRY(mal_psi_big_run(big, chan, NULL));
    return j->options.receiver ? write_common(big, j, n_out) : MAL_OK;
}

/* --- Files to measure with ------------------------------------------------ */

/* Ids scattered, not in order; `shift` says which of them the file has. */
mal_err bench_csv_make(const char *path, uint64_t rows, uint64_t shift) {
    FILE *out = fopen(path, "w");
    MAL_REQUIRE(out, MAL_E_IO, "cannot write %s: %s", path, strerror(errno));
    bool good = fputs("id,amount\n", out) >= 0;
    for (uint64_t i = 0; i < rows && good; i++) {
        const uint64_t id = (i + shift) * UINT64_C(0x9e3779b97f4a7c15);
        good =
            fprintf(out, "%016llx@mail.example,%llu\n", (unsigned long long)id,
                    (unsigned long long)(i % 5000)) > 0;
    }
    good = fclose(out) == 0 && good;
    MAL_REQUIRE(good, MAL_E_IO, "cannot write %s", path);
    return MAL_OK;
}
