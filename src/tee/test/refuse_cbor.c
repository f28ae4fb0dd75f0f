/* refuse_cbor.c - what the reader of CBOR does not take. */
#include "mal_test.h"
#include "cbor.h"

typedef struct refused {
    const char *hex;
    const char *why;
} refused;

static mal_err parse(tee_cbor *item, const char *hex, bool map) {
    static uint8_t buf[4096];
    size_t len = strlen(hex) / 2;
    if (len > sizeof buf || mal_hex_decode(buf, len, hex) != MAL_OK)
        abort();
    mal_bytes bytes = mal_bytes_of(buf, len);
    return map ? tee_cbor_parse_map(item, bytes) : tee_cbor_parse(item, bytes);
}

static void refuse_all(const refused *list, size_t n) {
    tee_cbor item;
    for (size_t i = 0; i < n; i++) {
        mal_err err = parse(&item, list[i].hex, false);
        CHECK_THAT(err == MAL_E_INPUT, "%s (%s): %s", list[i].hex, list[i].why,
                   mal_err_name(err));
        CHECK_EQ(parse(&item, list[i].hex, true), MAL_E_INPUT);
    }
}
#define REFUSE(...)                                                            \
    do {                                                                       \
        static const refused list[] = { __VA_ARGS__ };                         \
        refuse_all(list, sizeof list / sizeof *list);                          \
    } while (0)

TEST(arguments_in_a_longer_form_than_needed) {
    REFUSE({ "1817", "23 in a byte" }, { "190017", "23 in two" },
           { "1900ff", "255 in two" }, { "1a0000ffff", "65535 in four" },
           { "1b00000000ffffffff", "2^32 - 1 in eight" },
           { "3800", "-1 in a byte" }, { "580100", "a length of 1" },
           { "780161", "of text" }, { "98018000", "of an array" },
           { "b8010000", "of a map" }, { "d80100", "a tag" });
}

TEST(indefinite_lengths_and_reserved_heads) {
    REFUSE({ "5f4100ff", "a byte string" }, { "7f6161ff", "a text" },
           { "9f01ff", "an array" }, { "81bf0102ff", "a map below the root" },
           { "a101bf0102ff", "a map in a map" }, { "ff", "a break alone" },
           { "1c", "reserved" }, { "1d", "reserved" }, { "1e", "reserved" },
           { "1f", "an indefinite integer" }, { "df00", "a tag" },
           { "3f", "a negative one" });
}

TEST(floats_and_unknown_simple_values) {
    REFUSE({ "f90000", "half" }, { "fa00000000", "single" },
           { "fb0000000000000000", "double" }, { "e0", "simple 0" },
           { "f0", "simple 16" }, { "f7", "undefined" }, { "f814", "of two" },
           { "f8ff", "simple 255" });
}

TEST(text_that_is_not_utf8) {
    REFUSE({ "6180", "a tail alone" }, { "61c3", "cut off" },
           { "62c328", "no tail" }, { "62c080", "NUL in two bytes" },
           { "63e08080", "in three" }, { "64f0808080", "in four" },
           { "63eda080", "a surrogate" }, { "63edbfbf", "the last of them" },
           { "64f4908080", "beyond U+10FFFF" }, { "61ff", "no lead" },
           { "64f8888080", "five bytes" });
}

TEST(maps_with_a_key_twice_or_of_another_type) {
    REFUSE({ "a201000100", "1 twice" }, { "a2616100616100", "a twice" },
           { "a220002000", "-1 twice" }, { "a1410000", "a byte string" },
           { "a1800000", "an array" }, { "a1f400", "false" },
           { "a1c10000", "a tagged one" });
}

TEST(lengths_beyond_the_input) {
    REFUSE({ "41", "a string" }, { "5bffffffffffffffff", "a huge string" },
           { "7affffffff61", "a long text" }, { "8101ff", "trailing" },
           { "0000", "two items" }, { "a101", "half an entry" },
           { "c1", "an empty tag" }, { "18", "no argument" },
           { "1900", "half an argument" });
    tee_cbor item;
    CHECK_ERR(tee_cbor_parse(&item, mal_bytes_of("", 0)), MAL_E_INPUT);
}

TEST(an_open_root_map_that_does_not_end_well) {
    tee_cbor item;
    CHECK_ERR(parse(&item, "bf", true), MAL_E_INPUT);
    CHECK_ERR(parse(&item, "bf0102", true), MAL_E_INPUT);
    CHECK_ERR(parse(&item, "bf01ff", true), MAL_E_INPUT);
    CHECK_ERR(parse(&item, "bf01020103ff", true), MAL_E_INPUT);
    CHECK_ERR(parse(&item, "bf0102ff00", true), MAL_E_INPUT);
    CHECK_ERR(parse(&item, "bf0102ff", false), MAL_E_INPUT);
    CHECK_ERR(parse(&item, "8101", true), MAL_E_INPUT);
}

TEST(nesting_and_counts_beyond_the_limits) {
    tee_cbor item;
    uint8_t deep[TEE_CBOR_DEPTH_MAX + 2];
    memset(deep, 0x81, sizeof deep);
    deep[TEE_CBOR_DEPTH_MAX] = 0;
    CHECK_OK(tee_cbor_parse(&item, mal_bytes_of(deep, TEE_CBOR_DEPTH_MAX + 1)));
    deep[TEE_CBOR_DEPTH_MAX] = 0x81;
    deep[TEE_CBOR_DEPTH_MAX + 1] = 0;
    CHECK_ERR(tee_cbor_parse(&item, mal_bytes_of(deep, sizeof deep)),
              MAL_E_LIMIT);
    uint8_t wide[2 + TEE_CBOR_COUNT_MAX + 1] = { 0x98, TEE_CBOR_COUNT_MAX };
    CHECK_OK(tee_cbor_parse(&item, mal_bytes_of(wide, sizeof wide - 1)));
    wide[1]++;
    CHECK_ERR(tee_cbor_parse(&item, mal_bytes_of(wide, sizeof wide)),
              MAL_E_LIMIT);
    uint8_t claims_much[] = { 0xbb, 0xff, 0xff, 0xff, 0xff,
                              0xff, 0xff, 0xff, 0xff };
    CHECK_ERR(
        tee_cbor_parse(&item, mal_bytes_of(claims_much, sizeof claims_much)),
        MAL_E_LIMIT);
}

TEST(an_open_map_of_too_many_entries) {
    uint8_t open[2 + 3 * (TEE_CBOR_COUNT_MAX + 1)] = { 0xbf };
    tee_cbor item;
    size_t at = 1;
    for (int i = 0; i <= TEE_CBOR_COUNT_MAX; i++) {
        if (i >= 24)
            open[at++] = 0x18;
        open[at++] = (uint8_t)i;
        open[at++] = 0;
    }
    open[at++] = 0xff;
    CHECK_ERR(tee_cbor_parse_map(&item, mal_bytes_of(open, at)), MAL_E_LIMIT);
}

TEST(every_cut_of_a_good_item) {
    /* {"a": [1, h'0102'], -1: 18(null)} */
    static const uint8_t good[] = { 0xa2, 0x61, 0x61, 0x82, 0x01, 0x42,
                                    0x01, 0x02, 0x20, 0xd2, 0xf6 };
    tee_cbor item;
    CHECK_OK(tee_cbor_parse(&item, mal_bytes_of(good, sizeof good)));
    for (size_t len = 0; len < sizeof good; len++)
        CHECK_ERR(tee_cbor_parse(&item, mal_bytes_of(good, len)), MAL_E_INPUT);
}

TEST_MAIN
