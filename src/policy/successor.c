/* successor.c - may this contract follow that one? */
#include "policy_impl.h"

#include <string.h>

static mal_err same_room(const mal_policy_contract *parent,
                         const mal_policy_contract *child) {
    MAL_REQUIRE(child->version == parent->version + 1, MAL_E_DENIED,
                "version %u follows version %u, not version %u",
                parent->version + 1, parent->version, child->version);
    MAL_REQUIRE(mal_equal(child->room_id, parent->room_id, 32), MAL_E_DENIED,
                "the successor names another room-id than its parent has");
    MAL_REQUIRE(mal_equal(child->parent, parent->hash, 32), MAL_E_DENIED,
                "the successor names another parent; write the hash of "
                "version %u",
                parent->version);
    MAL_REQUIRE(strcmp(child->name, parent->name) == 0, MAL_E_DENIED,
                "the room is called \"%s\", not \"%s\"", parent->name,
                child->name);
    MAL_REQUIRE(child->test == parent->test, MAL_E_DENIED,
                "a room is marked test for its whole life, or never");
    return MAL_OK;
}

/* A name and its identity stay together, or leave together. */
static mal_err same_people(const mal_policy_contract *parent,
                           const mal_policy_contract *child) {
    for (uint32_t i = 0; i < parent->n_parties; i++) {
        const mal_policy_party *old = &parent->parties[i];
        for (uint32_t k = 0; k < child->n_parties; k++) {
            const mal_policy_party *new = &child->parties[k];
            bool name = strcmp(old->name, new->name) == 0;
            bool key = mal_equal(old->identity, new->identity, 32);
            MAL_REQUIRE(!name || key, MAL_E_DENIED,
                        "party %s has another identity; a new key is a new "
                        "party under a new name",
                        old->name);
            MAL_REQUIRE(name || !key, MAL_E_DENIED,
                        "party %s is now called %s; its spent budgets stand "
                        "under its old name",
                        old->name, new->name);
        }
    }
    return MAL_OK;
}

static mal_err same_lineage(const mal_policy_contract *parent, uint32_t i,
                            const mal_policy_contract *child) {
    MAL_AUTO(mal_buf_clear) mal_buf old = { 0 };
    MAL_AUTO(mal_buf_clear) mal_buf new = { 0 };
    uint32_t k = mal_policy_dataset_find(child, parent->datasets[i].name);
    if (k == MAL_POLICY_NONE)
        return MAL_OK; /* left out: nothing more is asked of it */
    MAL_TRY(mal_policy_lineage(&old, parent, i));
    MAL_TRY(mal_policy_lineage(&new, child, k));
    MAL_REQUIRE(mal_bytes_same_vartime(mal_buf_view(&old), mal_buf_view(&new)),
                MAL_E_DENIED,
                "%s changes its privacy unit; its spent budget would be "
                "forgotten: declare a new dataset",
                parent->datasets[i].name);
    return MAL_OK;
}

mal_err mal_policy_successor_check(const mal_policy_contract *parent,
                                   const mal_policy_contract *child) {
    MAL_TRY(same_room(parent, child));
    MAL_TRY(same_people(parent, child));
    for (uint32_t i = 0; i < parent->n_datasets; i++)
        MAL_TRY(same_lineage(parent, i, child));
    return MAL_OK;
}
