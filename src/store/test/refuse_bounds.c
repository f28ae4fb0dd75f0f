/* refuse_bounds.c - what a contract declares of units, and what is stored: the
 * noise follows the contract, so data cut to wider bounds are not served. */
#include "store_test.h"

#define BODY(unit, rows, more)                                                 \
    "  email id normal uid2@1\n"                                               \
    "  other id normal uid2@1\n"                                               \
    "  age dim in 18 .. 99\n"                                                  \
    "  spend measure decimal(2) in 0 .. 5000\n"                                \
    "  privacy unit " unit " contributes at most " rows " rows\n" more

#define FILE_TEXT                                                              \
    "email,other,age,spend\n"                                                  \
    "a@x.org,b@x.org,20,1\na@x.org,b@x.org,21,2\nc@x.org,b@x.org,22,3\n"

static mal_err fits(house *h, const char *body, unsigned rows_max) {
    mal_policy_contract *next = contract_of(h, body, rows_max, h->contract);
    return mal_store_fits(h->store, next, "acme.customers", 0);
}

TEST(an_amendment_that_keeps_or_widens_the_bounds_is_served) {
    MAL_AUTO(house_clear) house h = { 0 };
    house_make(&h, BODY("email", "2", ""), 1000);
    CHECK_OK(add(&h, FILE_TEXT));
    CHECK_OK(mal_store_fits(h.store, h.contract, "acme.customers", 1));
    CHECK_OK(fits(&h, BODY("email", "2", ""), 1000));
    CHECK_OK(fits(&h, BODY("email", "9", ""), 2000));
}

TEST(data_cut_to_wider_bounds_are_not_served) {
    MAL_AUTO(house_clear) house h = { 0 };
    house_make(&h, BODY("email", "2", ""), 1000);
    CHECK_OK(add(&h, FILE_TEXT));
    CHECK_ERR(fits(&h, BODY("email", "1", ""), 1000), MAL_E_STATE);
    CHECK_ERR(fits(&h, BODY("email", "2", ""), 999), MAL_E_STATE);
    CHECK_ERR(fits(&h, BODY("email", "2", "  units at most 10\n"), 1000),
              MAL_E_STATE);
    CHECK_ERR(fits(&h, BODY("other", "2", ""), 1000), MAL_E_STATE);
}

TEST(columns_that_mean_something_else_are_not_served) {
    MAL_AUTO(house_clear) house h = { 0 };
    house_make(&h, BODY("email", "2", ""), 1000);
    CHECK_OK(add(&h, FILE_TEXT));
    static const char *const bodies[] = {
        "  email id normal uid2@1\n  age dim in 17 .. 99\n"
        "  privacy unit email contributes at most 2 rows\n",
        "  email id normal uid2@1\n  age dim in 18 .. 98\n"
        "  privacy unit email contributes at most 2 rows\n",
        "  email id normal uid2@1\n  spend measure decimal(3) in 0 .. 5000\n"
        "  privacy unit email contributes at most 2 rows\n",
        "  email id normal uid2@1\n  height measure in 0 .. 5000\n"
        "  privacy unit email contributes at most 2 rows\n",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        CHECK_ERR(fits(&h, bodies[i], 1000), MAL_E_STATE);
    CHECK_OK(fits(&h,
                  "  email id normal uid2@1\n"
                  "  spend measure decimal(2) in 0 .. 70\n"
                  "  privacy unit email contributes at most 2 rows\n",
                  1000)); /* clamped when it is read */
}

TEST(more_units_than_declared_are_not_ingested) {
    MAL_AUTO(house_clear) house h = { 0 };
    house_make(&h, BODY("email", "2", "  units at most 2\n"), 1000);
    CHECK_OK(add(&h, FILE_TEXT));
    CHECK_ERR(add(&h, "email,other,age,spend\na@x.org,b@x.org,20,1\n"
                      "b@x.org,b@x.org,21,2\nc@x.org,b@x.org,22,3\n"),
              MAL_E_LIMIT);
    house_check(&h, 3);
}

TEST_MAIN
