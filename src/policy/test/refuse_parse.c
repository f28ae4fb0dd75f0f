/* What no contract may say: each with its place and its words. */
#include "policy_test.h"

typedef struct bad {
    const char *text;
    const char *place; /* LINE:COLUMN */
    const char *says;
} bad;

static void refuse(const bad *b, mal_err wanted) {
    mal_policy_contract *c = (void *)1;
    mal_err err = mal_policy_parse(&c, test_arena(), mal_bytes_str(b->text));
    CHECK_THAT(err == wanted, "%s, not %s: %s\n# in: %s", mal_err_name(err),
               mal_err_name(wanted), mal_err_message(), b->text);
    CHECK(c == NULL);
    size_t n = strlen(b->place);
    CHECK_THAT(strncmp(mal_err_message(), b->place, n) == 0 &&
                   mal_err_message()[n] == ':',
               "at %s wanted: %s", b->place, mal_err_message());
    CHECK_THAT(strstr(mal_err_message(), b->says), "\"%s\" wanted: %s", b->says,
               mal_err_message());
}

#define REFUSE_ALL(cases, err)                                                 \
    for (size_t i = 0; i < sizeof(cases) / sizeof *(cases); i++)               \
    refuse(&(cases)[i], err)

/* A room of one owner; what is put in starts on line 4, column 1. */
#define MINI_HEAD                                                              \
    "room \"r\" version 1\nparty a owner " KEY_A "\nparty n analyst " KEY_B "\n"
#define MINI_DATA                                                              \
    "\ndataset a.t { i id normal raw@1 d dim in (p) m measure in 0 .. 1 s "    \
    "secret privacy unit i contributes at most 1 row rows at most 5 }\n"       \
    "dataset a.u { i id normal raw@1 j id normal raw@2 domain i k id normal "  \
    "raw@1 privacy unit row rows at most 5 }\n"
#define MINI_TAIL "collude 0 consent all owners expires 2030-01-01\n"
#define WITH(text) MINI_HEAD text MINI_DATA MINI_TAIL
#define COLUMN(text)                                                           \
    MINI_HEAD "dataset a.v {\n" text                                           \
              "\nprivacy unit row rows at most 5 }\n" MINI_TAIL
#define RULE(text) WITH("rule r " text)
#define GOOD                                                                   \
    "permit count by n from a.t run clear to n require epsilon <= 1, delta "   \
    "<= 1e-9 "

TEST(the_bare_room_is_accepted_so_that_refusals_mean_something) {
    parse(WITH(""));
    parse(RULE(GOOD));
    parse(COLUMN("x secret"));
}

TEST(broken_tokens_are_refused) {
    static const bad cases[] = {
        { "", "1:1", "room" },
        { "room", "1:5", "the text ends here" },
        { "room r", "1:6", "in quotes" },
        { "room \"r", "1:6", "no end on its line" },
        { "room \"r\n\" version 1", "1:6", "no end on its line" },
        { "room \"\\x\" version 1", "1:7", "backslash" },
        { "room \"a\tb\" version 1", "1:8", "control character" },
        { "room \"\" version 1", "1:6", "not empty" },
        { "room \"r\" version 1 $", "1:20", "no meaning here" },
        { "room \"r\" version 1\001", "1:19", "0x01" },
        { "room \"\xff\" version 1", "1:7", "UTF-8" },
        { "room \"\xc0\xaf\" version 1", "1:7", "UTF-8" },
        { "room \"\xed\xa0\x80\" version 1", "1:7", "UTF-8" },
        { "room \"\xc3\xa9\xc3\xa9\" version $", "1:19", "no meaning" },
        { "room \"r\" version 9E", "1:18", "quote" },
        { "room \"r\" version 1-2", "1:18", "quote" },
    };
    REFUSE_ALL(cases, MAL_E_INPUT);
}

TEST(the_heading_is_strict) {
    static const bad cases[] = {
        { "room \"r\" version 0", "1:18", "whole number from 1" },
        { "room \"r\" version 1.5", "1:18", "whole number" },
        { "room \"r\" version -1", "1:18", "whole number" },
        { "room \"r\" version one", "1:18", "expected a version" },
        { "room \"r\" 1", "1:10", "\"version\"" },
        { "room \"r\" version 99999999999999999999999", "1:18", "digits" },
        { "room \"r\" version 1e9999", "1:18", "exponent" },
        { "room \"r\" version 1 room \"s\" version 1", "1:20", "a statement" },
        { WITH("partyy a"), "4:1", "did you mean \"party\"" },
        { WITH("bugdet a.t"), "4:1", "did you mean \"budget\"" },
        { WITH("17"), "4:1", "a statement" },
    };
    REFUSE_ALL(cases, MAL_E_INPUT);
}

TEST(parties_are_strict) {
    static const bad cases[] = {
        { WITH("party"), "5:1", "is a word of the language" },
        { WITH("party Bob owner " KEY_C), "4:7", "a-z, 0-9 and _" },
        { WITH("party b-c owner " KEY_C), "4:7", "a-z, 0-9 and _" },
        { WITH("party owner owner " KEY_C), "4:7", "word of the language" },
        { WITH("party b " KEY_C), "4:9", "needs a role" },
        { WITH("party b onwer " KEY_C), "4:9", "did you mean \"owner\"" },
        { WITH("party b owner owner " KEY_C), "4:15", "twice" },
        { WITH("party b owner"), "5:1", "expected a role" },
        { WITH("party b owner 7"), "4:15", "an identity" },
        { WITH("party b owner ed25519:AAAA"), "4:15", "44 characters" },
        { WITH("party b owner ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
               "AB="),
          "4:15", "44 characters" },
        { WITH("party b owner sha256:00"), "4:15", "an identity" },
        { WITH("party b owner " KEY_A), "4:15", "have one identity" },
        { WITH("party a owner " KEY_C), "4:7", "declared twice" },
        { WITH("party b witness " KEY_C " organisation B"), "4:83",
          "in quotes" },
        { WITH("party b witness " KEY_C " jurisdiction EU jurisdiction DE"),
          "4:86", "twice" },
        { WITH("party b delegate " KEY_C), "4:18", "\"for\"" },
        { WITH("party b delegate for n " KEY_C), "4:22", "n is no owner" },
        { WITH("party b delegate for aa " KEY_C), "4:22",
          "no party \"aa\"; did you mean \"a\"" },
        { WITH("party b delegate for a, a " KEY_C), "4:25", "named twice" },
    };
    REFUSE_ALL(cases, MAL_E_INPUT);
}

TEST(columns_are_strict) {
    static const bad cases[] = {
        { COLUMN("X secret"), "5:1", "a-z, 0-9 and _" },
        { COLUMN("x"), "6:1", "id, dim, measure or secret" },
        { COLUMN("x dimm in (p)"), "5:3", "did you mean \"dim\"" },
        { COLUMN("x secret x secret"), "5:10", "declared twice" },
        { COLUMN("in secret"), "5:1", "cannot be a column's name" },
        { COLUMN("class personal"), "5:1", "before its \"{\"" },
        { COLUMN("x id"), "5:1", "normal raw@1" },
        { COLUMN("x id normal raw"), "6:1", "\"@\"" },
        { COLUMN("x id normal raw@0"), "5:17", "1 to 999" },
        { COLUMN("x id normal raw@1 normal raw@1"), "5:19", "said twice" },
        { COLUMN("x id in 1 .. 2"), "5:6", "does not go with a id" },
        { COLUMN("x dim"), "5:1", "what values" },
        { COLUMN("x dim in ()"), "5:11", "a value" },
        { COLUMN("x dim in (p p)"), "5:13", "\",\"" },
        { COLUMN("x dim in (p, q, p)"), "5:17", "\"p\" stands in the list" },
        { COLUMN("x dim in (9E)"), "5:11", "quote" },
        { COLUMN("x dim in 2 .. 1"), "5:10", "above the upper" },
        { COLUMN("x dim in 1.5 .. 2"), "5:10", "at most 0 decimals" },
        { COLUMN("x dim in \"p\""), "5:10", "expected values" },
        { COLUMN("x measure in (p)"), "5:14", "a range" },
        { COLUMN("x measure in 0 5"), "5:16", "\"..\"" },
        { COLUMN("x measure in 0 .. 0.5"), "5:19", "decimals" },
        { COLUMN("x measure decimal(10) in 0 .. 1"), "5:19", "0 to 9" },
        { COLUMN("x measure decimal(1) in 0 .. 0.55"), "5:30", "decimals" },
        { COLUMN("x measure in 0 .. 1 decimal(2)"), "5:28",
          "before the range" },
        { COLUMN("x measure in 0 .. 1e19"), "5:19", "2^62" },
    };
    REFUSE_ALL(cases, MAL_E_INPUT);
}

#define SET(inside) MINI_HEAD "dataset a.v {\n" inside " }\n" MINI_TAIL
TEST(datasets_are_strict) {
    static const bad cases[] = {
        { WITH("dataset n.v { x secret privacy unit row rows at most 5 }"),
          "4:9", "n is no owner" },
        { WITH("dataset b.v { x secret privacy unit row rows at most 5 }"),
          "4:9", "no party \"b\"" },
        { WITH("dataset av { }"), "4:12", "\".\"" },
        { MINI_HEAD "dataset a v", "4:11", "\".\"" },
        { MINI_HEAD "dataset a.t {", "4:14", "text ends" },
        { WITH("dataset a.t { x secret privacy unit row rows at most 5 }"),
          "5:9", "declared twice" },
        { SET(""), "4:9", "no column" },
        { SET("x secret rows at most 5"), "4:9", "whom it protects" },
        { SET("x secret privacy unit row"), "4:9", "rows at most N" },
        { SET("x secret privacy unit row rows at most 0"), "5:40", "1 to" },
        { SET("x secret privacy unit row privacy unit row"), "5:27", "twice" },
        { SET("x secret rows at most 5 rows at most 5"), "5:25", "twice" },
        { SET("x secret privacy unit x rows at most 5"), "5:25",
          "\"contributes\"" },
        { SET("x secret privacy unit x contributes at most 1 row rows at most "
              "5"),
          "5:23", "x is no id" },
        { SET("mail id normal raw@1 privacy unit maill contributes at most 1 "
              "row rows at most 5"),
          "5:35", "did you mean \"mail\"" },
        { SET("x id normal raw@1 privacy unit x contributes at most 9 rows "
              "rows at most 5"),
          "5:32", "cannot contribute more" },
        { SET("x id normal raw@1 privacy unit x contributes at most 1 rule"),
          "5:56", "\"rows\"" },
        { WITH("dataset a.v class b class c {"), "4:21", "twice" },
        { SET("x dim in 1 .. 9 unique y privacy unit row rows at most 5"),
          "5:17", "no column \"y\"" },
        { SET("x secret unique x privacy unit row rows at most 5"), "5:10",
          "x is secret" },
        { SET("x dim in 1 .. 9 unique x, x privacy unit row rows at most 5"),
          "5:17", "stands twice" },
        { SET("x dim in 1 .. 9 unique x unique x privacy unit row rows at "
              "most 5"),
          "5:17", "same unique columns twice" },
        { SET("x dim in 1 .. 9 unique 5"), "5:24", "a column" },
        { SET("x dim in 1 .. 9 rests sharde"), "5:23", "\"shared\"" },
        { SET("x dim in 1 .. 9 rests shared rests shared"), "5:30",
          "rests shared already" },
    };
    REFUSE_ALL(cases, MAL_E_INPUT);
}

TEST(rules_are_strict) {
    static const bad cases[] = {
        { WITH("rule permit permit count"), "4:6", "word of the language" },
        { WITH("rule r allow count"), "4:8", "permit, forbid or review" },
        { WITH("rule r permitt count"), "4:8", "did you mean \"permit\"" },
        { RULE("permit * by n"), "4:15", "names its operations" },
        { RULE("permit median by n"), "4:15", "an operation" },
        { RULE("permit count, count by n"), "4:22", "named twice" },
        { RULE("permit train () by n"), "4:22", "a model" },
        { RULE("permit train (x, x) by n"), "4:25", "said twice" },
        { RULE(GOOD) "rule r forbid *", "8:6", "declared twice" },
        { RULE("permit count by a"), "4:24", "a is no analyst" },
        { RULE("permit count by nn"), "4:24", "did you mean \"n\"" },
        { RULE("permit count by n by n"), "4:26", "said twice" },
        { RULE("permit count from a.t"), "4:6", "who may ask" },
        { RULE("permit count by n"), "4:6", "of which data" },
        { RULE("permit count by n from a.t"), "4:6", "which engines" },
        { RULE("permit count by n from a.t run clear"), "4:6", "who receives" },
        { RULE("permit count by n from a.t run clear to n"), "4:6",
          "both epsilon" },
        { RULE("permit count by n from a.t run clear to n require epsilon <= "
               "1"),
          "4:6", "both epsilon" },
        { RULE("permit count by n from a.t run clear to n require delta <= "
               "1e-9"),
          "4:6", "both epsilon" },
        { RULE("review count by n from a.t run clear require epsilon <= 1, "
               "delta <= 1e-9"),
          "4:6", "who receives" },
        { RULE("permit count by n from a.tt"), "4:31",
          "no dataset a.tt; did you mean \"a.t\"" },
        { RULE("permit count by n from a.t, a.t"), "4:36", "named twice" },
        { RULE("permit count by n from a.t (dim dd)"), "4:40",
          "no column \"dd\" in a.t; did you mean \"d\"" },
        { RULE("permit count by n from a.t (d)"), "4:36", "dim, measure" },
        { RULE("permit count by n from a.t (dim d, dim d)"), "4:47",
          "named twice as dim" },
        { RULE("permit count by n from a.t (dim i)"), "4:40",
          "declared as id" },
        { RULE("permit count by n from a.t (measure d)"), "4:44",
          "declared as dim" },
        { RULE("permit count by n from a.t (filter i)"), "4:43",
          "declared as id" },
        { RULE("permit count by n from a.t (id s)"), "4:39", "secret" },
        { RULE("permit count by n from a.t (filter s)"), "4:43", "secret" },
        { RULE(GOOD "touching class x"), "4:86", "is for forbid" },
        { RULE("forbid * to n keep 5 days"), "4:22", "a forbid has no" },
        { RULE("forbid * require epsilon <= 1"), "4:17", "a forbid has no" },
        { RULE("forbid * reveals match count"), "4:17", "a forbid has no" },
        { RULE("forbid * touching x"), "4:26", "\"class\"" },
        { RULE("forbid * touching class x, class x"), "4:35", "named twice" },
        { RULE("forbid * touching column a.t.z"), "4:37", "no column \"z\"" },
    };
    REFUSE_ALL(cases, MAL_E_INPUT);
}

TEST(joins_are_strict) {
    static const bad cases[] = {
        { RULE("permit count by n from a.t, a.u join a.t.d = a.u.i"), "4:45",
          "d is no id" },
        { RULE("permit count by n from a.t, a.u join a.t.i = a.u.j"), "4:45",
          "normalised differently" },
        { RULE("permit count by n from a.t, a.u join a.t.i = a.u.k"), "4:45",
          "different domains" },
        { RULE("permit count by n from a.t, a.u join a.t.i = a.t.i"), "4:45",
          "with itself" },
        { RULE("permit count by n from a.t, a.u join a.t.i = a.u.i, a.u.i = "
               "a.t.i"),
          "4:60", "named twice" },
        { RULE("permit count by n from a.t, a.u join a.t.i a.u.i"), "4:51",
          "\"=\"" },
        { RULE(GOOD "join a.t.i = a.u.i"), "4:6", "not in its \"from\"" },
    };
    REFUSE_ALL(cases, MAL_E_INPUT);
}

TEST(limits_and_engines_are_strict) {
    static const bad cases[] = {
        { RULE("permit count require group <= 5"), "4:35", "lower bound" },
        { RULE("permit count require epsilon >= 5"), "4:37", "upper bound" },
        { RULE("permit count require epsilon <= 0"), "4:40", "above 0" },
        { RULE("permit count require epsilon <= 1e-10"), "4:40", "1e-9" },
        { RULE("permit count require epsilon <= 1e10"), "4:40", "10^9" },
        { RULE("permit count require delta <= 0"), "4:38", "above 0" },
        { RULE("permit count require delta <= 1"), "4:38", "below 1" },
        { RULE("permit count require delta <= 1.5"), "4:38", "below 1" },
        { RULE("permit count require delta <= 1e-19"), "4:38", "1e-18" },
        { RULE("permit count require delta <= -0.5"), "4:38", "above 0" },
        { RULE("permit count require rows <= 5, rows <= 6"), "4:40", "twice" },
        { RULE("permit count require size <= 5"), "4:29", "a requirement" },
        { RULE("permit count run"), "5:1", "an engine" },
        { RULE("permit count run share"), "4:25", "an engine" },
        { RULE("permit count run shares3"), "4:25", "did you mean" },
        { RULE("permit count run psi | psi"), "4:31", "named twice" },
        { RULE("permit count run tee (tcb >= malus)"), "4:37", "a date" },
        { RULE("permit count run tee (tcb >= 1.5)"), "4:37", "whole one" },
        { RULE("permit count run tee (debug no, debug no)"), "4:40", "twice" },
        { RULE("permit count run tee (debug)"), "4:35", "a value" },
        { RULE("permit count reveals everything"), "4:29", "match count" },
        { RULE("permit count reveals match"), "5:1", "\"count\"" },
        { RULE("permit count to n keep 5"), "5:1", "\"days\"" },
        { RULE("permit count to n keep 99999 days"), "4:31", "36500" },
        { RULE("permit count for marketing"), "5:1", "\":\"" },
        { RULE("permit count for dpv:a, dpv:a"), "4:32", "named twice" },
        { RULE("permit count exact a.t.d"), "4:27", "\"columns\"" },
        { RULE("permit count exact columns a.t.d"), "5:1", "\"to\"" },
        { RULE(GOOD "exact columns a.t.d to n"), "4:6", "not in its \"from\"" },
        { RULE("permit count by n from a.t (dim d) run clear to n exact "
               "columns a.t.d to a"),
          "4:6", "stands in its \"to\"" },
    };
    REFUSE_ALL(cases, MAL_E_INPUT);
}

TEST(budgets_are_strict) {
    static const bad cases[] = {
        { WITH("budget a.t epsilon 1 per 30 days, delta 1e-9"), "4:35",
          "an epsilon" },
        { WITH("budget a.t epsilon 1 per 30 days"), "5:1",
          "always has a total" },
        { WITH("budget a.t epsilon 1, delta 1e-9"), "4:21",
          "always has a total" },
        { WITH("budget a.t epsilon 1 in all"), "5:1", "\",\"" },
        { WITH("budget a.t epsilon 1 in all, 5"), "4:30", "\"delta\"" },
        { WITH("budget a.t epsilon 9 per 30 days, 4 in all, delta 1e-9"),
          "4:20", "never binds" },
        { WITH("budget a.t epsilon 1 per 0 days, 4 in all, delta 1e-9"), "4:26",
          "1 day at least" },
        { WITH("budget a.t for a epsilon 4 in all, delta 1e-9"), "4:16",
          "a is no analyst" },
        { WITH("budget a.t epsilon 4 in all, delta 1e-9 budget a.t for all "
               "epsilon 4 in all, delta 1e-9"),
          "4:48", "declared twice" },
        { WITH("budget a.x epsilon 4 in all, delta 1e-9"), "4:8",
          "no dataset a.x" },
    };
    REFUSE_ALL(cases, MAL_E_INPUT);
}

#define NEEDS(tail) MINI_HEAD MINI_DATA tail
TEST(what_every_contract_needs_is_asked_for) {
    static const bad cases[] = {
        { "room \"r\" version 1\nparty n analyst " KEY_A, "2:69",
          "has an owner" },
        { "room \"r\" version 1\nparty n owner " KEY_A, "2:67",
          "has a dataset" },
        { NEEDS("consent all owners expires 2030-01-01"), "7:38", "collude 1" },
        { NEEDS("collude 0 expires 2030-01-01"), "7:29", "consent all owners" },
        { NEEDS("collude 0 consent all owners"), "7:29", "expires 2027-06-30" },
        { NEEDS("collude 1 consent all owners expires 2030-01-01"), "7:9",
          "at most 0" },
        { NEEDS("collude 0 collude 0"), "7:11", "said twice" },
        { NEEDS("collude 0 consent a"), "7:19", "\"all\"" },
        { NEEDS("collude 0 expires 2030-02-30"), "7:19", "no day" },
        { NEEDS("collude 0 expires 2030-02"), "7:19", "a day" },
        { NEEDS("parent sha256:00"), "7:8", "64 hex" },
        { NEEDS("parent 5"), "7:8", "sha256" },
        { NEEDS(MINI_TAIL
                "parent sha256:"
                "00000000000000000000000000000000000000000000000000000000000000"
                "00"),
          "8:79", "version 1 has no parent" },
        { "room \"r\" version 2 party a owner " KEY_A MINI_DATA
          "collude 0 consent all owners expires 2030-01-01",
          "4:48", "names what it succeeds" },
    };
    REFUSE_ALL(cases, MAL_E_INPUT);
}

TEST(reserved_words_whose_meaning_comes_later_say_so) {
    static const bad cases[] = {
        { WITH("use pack gdpr"), "4:1", "reserved, not yet supported" },
        { WITH("withdraw two owners"), "4:10", "reserved, not yet" },
        { RULE("permit count in EU"), "4:21", "reserved, not yet" },
        { RULE("permit count visible none"), "4:21", "reserved, not yet" },
        { COLUMN("x dim in geo"), "5:10", "reserved, not yet" },
    };
    REFUSE_ALL(cases, MAL_E_UNSUPPORTED);
}

TEST(two_seats_of_one_organisation_are_refused_to_share3) {
    static const bad cases[] = {
        { WITH("party x compute " KEY_C " organisation \"O\" party y compute "
               "ed25519:AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM= "
               "organisation \"O\"\nrule r permit count by n from a.t run "
               "share3 to n require epsilon <= 1, delta <= 1e-9"),
          "5:6", "seats of one" },
    };
    REFUSE_ALL(cases, MAL_E_INPUT);
}

TEST(errors_show_the_line_and_a_caret_under_the_place) {
    mal_policy_contract *c;
    CHECK_ERR(mal_policy_parse(&c, test_arena(),
                               mal_bytes_str(RULE("permit count by nn"))),
              MAL_E_INPUT);
    CHECK_STR(mal_err_message(),
              "4:24: there is no party \"nn\"; did you mean \"n\"?\n"
              "    rule r permit count by nn\n"
              "                           ^");
}

TEST(carriage_returns_and_long_lines_are_shown_within_bounds) {
    /* Found by fuzz_room: a line was taken to end at its first \\r. */
    static const bad cases[] = {
        { "room \"r\" version 1\r                                           "
          "                                                             party "
          "7",
          "1:130", "a party's name" },
        { "room \"r\" version 1\r\r\r\r$", "1:23", "no meaning" },
    };
    REFUSE_ALL(cases, MAL_E_INPUT);
}

/* --- Limits --------------------------------------------------------------- */

static void refuse_long(const char *before, const char *unit, unsigned n,
                        const char *says) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    mal_policy_contract *c;
    CHECK_OK(mal_buf_put_str(&text, before));
    for (unsigned i = 0; i < n; i++)
        CHECK_OK(mal_buf_put_fmt(&text, "%s%u", unit, i));
    CHECK_ERR(mal_policy_parse(&c, test_arena(), mal_buf_view(&text)),
              MAL_E_LIMIT);
    CHECK_THAT(strstr(mal_err_message(), says), "%s", mal_err_message());
}

TEST(every_list_has_a_limit_with_a_place) {
    refuse_long(MINI_HEAD "dataset a.v { x dim in (v", ", v", 70000,
                "at most 65535 values");
    refuse_long(MINI_HEAD "dataset a.v { y secret x", " secret x", 1100,
                "at most 1024 columns");
    refuse_long(MINI_HEAD "rule r permit count for d:a", ", d:p", 1100,
                "at most 1024 purposes");
    refuse_long(MINI_HEAD "dataset a.v { x dim in (",
                "verylongname"
                "verylongnameverylongnameverylongnameverylongnameverylongname",
                1, "at most 63");
    refuse_long(MINI_HEAD "dataset a.v { x dim in 0 .. ", "7", 6, "65535");
}

TEST(a_text_past_a_megabyte_is_not_read) {
    MAL_AUTO(mal_buf_clear) mal_buf text = { 0 };
    mal_policy_contract *c;
    CHECK_OK(mal_buf_put_str(&text, ROOM));
    while (text.len <= MAL_POLICY_TEXT_MAX)
        CHECK_OK(mal_buf_put_str(&text, "# a comment that says little\n"));
    CHECK_ERR(mal_policy_parse(&c, test_arena(), mal_buf_view(&text)),
              MAL_E_LIMIT);
}

TEST(every_prefix_of_a_contract_is_refused_or_whole) {
    for (size_t n = 0; n < sizeof ROOM - 1; n++) {
        mal_policy_contract *c;
        mal_err err = mal_policy_parse(&c, test_arena(), mal_bytes_of(ROOM, n));
        /* The last date without its last byte is no date; without the final
         * newline the text is whole. */
        CHECK((err == MAL_OK) == (n == sizeof ROOM - 2));
    }
}

TEST_MAIN
