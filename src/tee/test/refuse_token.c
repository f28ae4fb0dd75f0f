/* refuse_token.c - tokens of a test PKI, each wrong in one way, and some that
 * are right: tokens/tokens.txt says what is expected of each.
 *
 * The test's keys and root are arguments here, as all anchors are; nothing of
 * them is in the library. */
#include "token_test.h"

#define NOW 1767312000 /* 2026-01-02: the day around which the PKI lives */
#define WORDS 4

static mal_buf text;
static const char *line_word[WORDS]; /* kind, code, name, base64 */
static mal_buf device;               /* the given key */
static char root[128];               /* the anchor */

/* The next line, cut into words; false at the end. */
static bool next_line(char **at) {
    while (**at == '#')
        *at = strchr(*at, '\n') + 1;
    for (int i = 0; i < WORDS && **at; i++) {
        line_word[i] = *at;
        *at += strcspn(*at, " \n");
        if (i == WORDS - 1 || **at == '\n') {
            *(*at)++ = 0;
            return true;
        }
        *(*at)++ = 0;
    }
    return false;
}

static void decode(mal_buf *out) {
    mal_buf_reset(out);
    CHECK_OK(mal_base64_decode(out, mal_bytes_str(line_word[3])));
}

static char *begin(void) {
    MAL_AUTO(mal_buf_clear) mal_buf hash = { 0 };
    const char *cstr;
    mal_buf_reset(&text);
    CHECK_OK(mal_file_read(
        &text, MAL_TEST_SOURCE_ROOT "/src/tee/test/tokens/tokens.txt",
        1 << 20));
    CHECK_OK(mal_buf_cstr(&text, &cstr));
    char *at = (char *)text.ptr;
    CHECK(next_line(&at) && strcmp(line_word[0], "key") == 0);
    decode(&device);
    CHECK(next_line(&at) && strcmp(line_word[0], "root") == 0);
    decode(&hash);
    strcpy(root, "test-root:");
    mal_hex_encode(root + strlen(root), mal_buf_view(&hash));
    return at;
}

static mal_tee_kind kind_of(void) {
    mal_tee_kind kind;
    mal_tee_scope scope;
    CHECK_OK(mal_tee_kind_parse(&kind, &scope, line_word[0]));
    return kind;
}

static mal_tee_verdict judge_line(mal_arena *arena, mal_bytes evidence) {
    mal_tee_kind kind = kind_of();
    mal_bytes key = mal_buf_view(&device);
    bool given = kind != MAL_TEE_NITRO;
    return judge(arena, kind, evidence, given ? &key : NULL,
                 given ? "given-key" : root, NOW);
}

TEST(every_token_gets_the_code_that_is_its_own) {
    MAL_AUTO(mal_buf_clear) mal_buf evidence = { 0 };
    char *at = begin();
    unsigned n = 0, wrong = 0;
    for (; next_line(&at); n++) {
        MAL_AUTO(mal_arena_auto)
        mal_arena *arena = mal_arena_new(MAL_TEE_ARENA_BYTES);
        decode(&evidence);
        mal_tee_verdict verdict = judge_line(arena, mal_buf_view(&evidence));
        const char *code = mal_tee_code_name(verdict.code);
        if (strcmp(code, line_word[1]) == 0)
            continue;
        wrong++;
        printf("# %s %s: %s (%s), not %s\n", line_word[0], line_word[2], code,
               verdict.detail, line_word[1]);
    }
    printf("# %u tokens\n", n);
    CHECK_EQ(wrong, 0);
    CHECK(n >= 200);
}

TEST_MAIN
