/* map_hash: the choice by a hash over a static map (`hash-type map-based`), for every algorithm with a key. */
#ifndef BALANCE_MAP_HASH_H
#define BALANCE_MAP_HASH_H

struct picker;

/* pick_algorithm.build of those algorithms. */
int map_hash_build(struct picker *p);

#endif
