/* fuzz_json.c - any bytes: refused, or printed and read back to the same text.
 */
#include <malus/json.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    MAL_AUTO(mal_json_auto) mal_json *json = NULL;
    if (mal_json_parse(&json, mal_bytes_of(data, size), 1 << 16) != MAL_OK)
        return 0;
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf again = { 0 };
    MAL_AUTO(mal_json_auto) mal_json *back = NULL;
    mal_err err = mal_json_dump(&text, json);
    assert(err == MAL_OK);
    err = mal_json_parse(&back, mal_buf_view(&text), MAL_JSON_LEN_MAX);
    assert(err == MAL_OK);
    err = mal_json_dump(&again, back);
    assert(err == MAL_OK);
    assert(mal_bytes_same_vartime(mal_buf_view(&text), mal_buf_view(&again)));
    return 0;
}
