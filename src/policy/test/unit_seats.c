/* Which three parties compute a job of share3, and when there are none. */
#include "policy_test.h"

#define KEY_D "ed25519:AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM="
#define KEY_E "ed25519:BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ="
#define KEY_F "ed25519:BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU="

/* `roles` are of zed, the third owner; `more` are parties beside the four. */
static mal_policy_contract *room_of(const char *owner, const char *more,
                                    const char *run) {
    static char text[4096];
    snprintf(text, sizeof text,
             "room \"r\" version 1\n"
             "party acme owner " KEY_A "\n"
             "party retail owner " KEY_B "\n"
             "party agency analyst " KEY_C "\n%s%s"
             "dataset acme.t { v measure in 0 .. 9 privacy unit row\n"
             "  rows at most 10 }\n"
             "rule r permit sum by agency from acme.t (measure v)\n"
             "  require epsilon <= 1, delta <= 1e-9 run %s to agency\n"
             "budget acme.t epsilon 4 in all, delta 1e-6\n"
             "collude 1\nconsent all owners\nexpires 2027-06-30\n",
             owner, more, run);
    return parse_in(test_arena(), text);
}

static void check_seats(const mal_policy_contract *c, const char *a,
                        const char *b, const char *d) {
    const char *want[] = { a, b, d };
    uint32_t seats[MAL_POLICY_SEATS];
    CHECK_OK(mal_policy_seats(c, seats));
    for (unsigned i = 0; i < MAL_POLICY_SEATS; i++)
        CHECK_STR(c->parties[seats[i]].name, want[i]);
}

static void check_none(const mal_policy_contract *c, const char *why) {
    uint32_t seats[MAL_POLICY_SEATS];
    CHECK_EQ(mal_policy_seats(c, seats), MAL_E_UNSUPPORTED);
    CHECK_THAT(strstr(mal_err_message(), why), "%s", mal_err_message());
}

static const char *found(const mal_policy_contract *c, const char *code,
                         const char *says) {
    static mal_arena *arena;
    mal_policy_findings f;
    mal_arena_free(arena);
    arena = mal_arena_new((size_t)64 << 20);
    CHECK_OK(mal_policy_check(&f, arena, c));
    for (uint32_t i = 0; i < f.n; i++)
        if (!strcmp(f.list[i].code, code) && strstr(f.list[i].text, says))
            return f.list[i].text;
    return NULL;
}

#define ZED "party zed owner " KEY_D "\n"

TEST(three_owners_are_the_seats_where_nobody_is_named_to_compute) {
    check_seats(room_of(ZED, "", "share3"), "acme", "retail", "zed");
}

TEST(the_parties_named_to_compute_are_the_seats_owners_and_others_alike) {
    check_seats(room_of("party zed owner compute " KEY_D "\n",
                        "party host compute " KEY_E " organisation \"H\"\n"
                        "party lab compute " KEY_F " organisation \"L\"\n",
                        "share3"),
                "host", "lab", "zed");
}

TEST(an_engine_without_three_seats_is_refused_by_name) {
    check_none(room_of("", "", "share3"), "there are 2 owners, not three");
    check_none(room_of(ZED, "party host compute " KEY_E "\n", "share3"),
               "1 party is named to compute");
    check_none(room_of("party zed owner compute " KEY_D "\n",
                       "party host compute " KEY_E "\n", "share3"),
               "2 parties are named");
}

TEST(two_seats_of_one_organisation_are_no_seats) {
    check_none(room_of("party zed owner " KEY_D " organisation \"retail\"\n",
                       "", "share3"),
               "retail and zed would be seats of share3 of one organisation");
}

TEST(seats_take_part_in_jobs_of_share3_and_in_no_others) {
    mal_policy_contract *c =
        room_of("party zed compute " KEY_D "\n",
                "party host compute " KEY_E "\nparty lab compute " KEY_F "\n",
                "share3 | sum");
    mal_policy_set owners = mal_policy_owners(c);
    CHECK_EQ(mal_policy_members(c, MAL_POLICY_ENGINE_SUM), owners);
    CHECK_EQ(
        __builtin_popcountll(mal_policy_members(c, MAL_POLICY_ENGINE_SHARE3)),
        5);
    CHECK_EQ(mal_policy_members(c, MAL_POLICY_ENGINE_SHARE3) & owners, owners);
}

TEST(findings_tell_what_the_seats_rest_on) {
    mal_policy_contract *c = room_of(ZED, "", "share3");
    CHECK(found(c, "share3-seats", "whose organisation"));
    CHECK(!found(c, "share3-seats", "cannot run"));
    CHECK(!found(c, "idle-word", ""));
    c = room_of(ZED, "party host compute " KEY_E "\n", "share3");
    CHECK(found(c, "share3-seats", "cannot run"));
    c = room_of(ZED, "party host compute " KEY_E "\n", "sum");
    CHECK(found(c, "idle-word", "host is named to compute"));
    c = room_of(ZED, "", "share3 (image malus)");
    CHECK(found(c, "idle-word", "measured workers"));
    c = room_of(ZED, "party w witness " KEY_E "\n", "share3");
    CHECK(found(c, "idle-word", "w is named to witness"));
}

TEST(an_asker_with_a_seat_is_told_of) {
    mal_policy_contract *c = room_of(
        "", "party x compute " KEY_D "\nparty y compute " KEY_E "\n", "share3");
    CHECK(!found(c, "share3-seats", "holds a seat"));
    c = parse_in(test_arena(),
                 "room \"r\" version 1\n"
                 "party acme owner " KEY_A "\n"
                 "party retail owner " KEY_B "\n"
                 "party zed owner analyst " KEY_D "\n"
                 "dataset acme.t { v measure in 0 .. 9 privacy unit row\n"
                 "  rows at most 10 }\n"
                 "rule r permit sum by zed from acme.t (measure v)\n"
                 "  require epsilon <= 1, delta <= 1e-9 run share3 to zed\n"
                 "budget acme.t epsilon 4 in all, delta 1e-6\n"
                 "collude 1\nconsent all owners\nexpires 2027-06-30\n");
    CHECK(found(c, "share3-seats", "zed ask, which holds a seat"));
}

TEST(the_summary_names_the_seats) {
    MAL_AUTO(mal_buf_clear) mal_buf out = { 0 };
    const char *text;
    CHECK_OK(mal_policy_print(&out, room_of(ZED, "", "share3")));
    CHECK_OK(mal_buf_cstr(&out, &text));
    CHECK_THAT(strstr(text, "seats of share3: acme (of acme), retail (of "
                            "retail), zed (of zed)"),
               "%s", text);
}

TEST_MAIN
