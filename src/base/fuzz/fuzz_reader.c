/* The bounds-checked cursor and the two text decoders, over foreign bytes.  The
 * first byte of each step says what is read. */
#include <malus/base.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void texts(mal_bytes in) {
    MAL_AUTO(mal_buf_clear) mal_buf bytes = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf again = { 0 };
    if (mal_base64_decode(&bytes, in) == MAL_OK) {
        if (mal_base64_encode(&again, mal_buf_view(&bytes)) != MAL_OK ||
            !mal_bytes_same_vartime(mal_buf_view(&again), in))
            abort(); /* a second spelling of one value was accepted */
    }
    mal_buf_reset(&again);
    const char *text;
    uint8_t out[64];
    uint64_t t;
    if (mal_buf_put(&again, in) != MAL_OK ||
        mal_buf_cstr(&again, &text) != MAL_OK)
        abort();
    mal_err err = mal_hex_decode(out, in.len / 2 < 64 ? in.len / 2 : 64, text);
    if (err == MAL_OK && strlen(text) != 2 * (in.len / 2))
        abort();
    err = mal_time_parse_date(&t, text);
    char day[21];
    if (err == MAL_OK)
        mal_time_format(day, t);
    if (err == MAL_OK && strncmp(day, text, 10) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(1 << 16);
    mal_rd rd = mal_rd_of(mal_bytes_of(data, size));
    uint8_t what;
    texts(mal_bytes_of(data, size));
    while (arena && mal_rd_u8(&rd, &what) == MAL_OK) {
        uint64_t v;
        mal_bytes bytes;
        char *text;
        mal_err err;
        switch (what % 4) {
        case 0:
            err = mal_rd_u64(&rd, &v);
            break;
        case 1:
            err = mal_rd_blob(&rd, &bytes, 1000);
            break;
        case 2:
            err = mal_rd_str(&rd, &text, arena, 1000);
            if (err == MAL_OK && strlen(text) > 1000)
                abort();
            break;
        default:
            err = mal_rd_raw(&rd, &bytes, what);
        }
        if (err != MAL_OK)
            break;
    }
    return 0;
}
