/* shares.c - an owner's table at a seat: found for a job, and erased when its
 * owner erases it. */
#include "share3_impl.h"

#include <stdio.h>
#include <string.h>

mal_err room_share_find(mal_room *room, mal_store_shares *out, mal_arena *arena,
                        const char *dataset, uint32_t version,
                        const uint8_t root[32]) {
    mal_store_shares *list;
    size_t n;
    MAL_TRY(mal_store_shares_list(room->config.store, &list, &n, arena));
    for (size_t i = 0; i < n; i++) /* the newest first */
        if (mal_equal(list[i].room, room->contract->room_id, 32) &&
            strcmp(list[i].dataset, dataset) == 0 &&
            (version == 0 || (list[i].version == version &&
                              mal_equal(list[i].root, root, 32)))) {
            *out = list[i];
            return MAL_OK;
        }
    MAL_FAIL(MAL_E_MISSING,
             "version %u of %s was not shared to this seat: malus data share",
             version, dataset);
}

const room_dataset_ref *room_pinned(const mal_room *room, const room_job *job,
                                    uint32_t dataset) {
    const mal_policy_dataset *d = &room->contract->datasets[dataset];
    const room_members *m = &job->judged.members;
    for (unsigned i = 0; i < m->n; i++)
        for (unsigned k = 0; k < job->accepts[i].n_datasets; k++)
            if (m->at[i] == d->owner &&
                strcmp(job->accepts[i].datasets[k].name, d->name) == 0)
                return &job->accepts[i].datasets[k];
    return NULL;
}

mal_err room_shares_check(mal_room *room, const room_job *job) {
    const mal_policy_facts *f = &job->judged.facts;
    MAL_AUTO(mal_arena_auto) mal_arena *arena = mal_arena_new(16 << 20);
    mal_store_shares shares;
    if (job->judged.engine != MAL_POLICY_ENGINE_SHARE3 ||
        !room_has_seat(room, room->me))
        return MAL_OK;
    if (!arena)
        return MAL_E_MEMORY;
    for (uint32_t i = 0; i < f->n_datasets; i++) {
        const mal_policy_dataset *d = &room->contract->datasets[f->datasets[i]];
        const room_dataset_ref *ref = room_pinned(room, job, f->datasets[i]);
        if (!d->shared)
            continue;
        MAL_REQUIRE(ref, MAL_E_PEER, "nobody pinned %s", d->name);
        MAL_TRY(room_share_find(room, &shares, arena, d->name, ref->version,
                                ref->root.b));
    }
    return MAL_OK;
}

mal_err room_serve_unshare(mal_room *room, uint32_t caller, mal_bytes in,
                           mal_buf *out) {
    mal_rd rd = mal_rd_of(in);
    uint32_t version;
    mal_bytes name;
    char dataset[MAL_STORE_NAME_MAX + 1] = { 0 };
    size_t removed;
    (void)out;
    MAL_TRY(mal_rd_u32(&rd, &version));
    MAL_TRY(mal_rd_raw(&rd, &name, rd.left));
    MAL_REQUIRE(name.len <= MAL_STORE_NAME_MAX, MAL_E_PEER, "a name too long");
    memcpy(dataset, name.ptr, name.len);
    uint32_t at = mal_policy_dataset_find(room->contract, dataset);
    MAL_REQUIRE(at != MAL_POLICY_NONE &&
                    room->contract->datasets[at].owner == caller,
                MAL_E_DENIED, "only its owner erases a table");
    MAL_TRY(mal_store_shares_remove(room->config.store, room->contract->room_id,
                                    dataset, version, &removed));
    if (removed == 0)
        return MAL_OK;
    char number[16];
    mal_prim_hash subject;
    snprintf(number, sizeof number, "%u", version);
    mal_prim_sha256_of(&subject, mal_bytes_str(dataset));
    room_field fields[] = { { "dataset", dataset, false },
                            { "version", number, false },
                            { "what", "shares", false } };
    room_entry entry = { 0 };
    mal_err err = room_record(room, &entry, "deletion", "dataset", subject.b,
                              fields, 3, NULL);
    room_entry_clear(&entry);
    return err;
}
