// SPDX-License-Identifier: GPL-3.0-or-later
//
// A made-up population of Quebec, and what modalities would say of it: names as skewed as real ones,
// households with one address and phone, twins, fathers and sons of one name; typing errors, swapped names
// and dates, missing fields, married names, and people who are not in the directory, relatives of those who
// are among them.

#pragma once

#include <cstdint>
#include <vector>

#include "Table.h"

namespace OrthancClinic::Benchmark
{
struct Population
{
  std::vector<Person> directory;
  std::vector<Person> queries;
};

// The same for the same arguments, on every machine.
Population MakePopulation(size_t size, size_t queries, uint64_t seed);
}  // namespace OrthancClinic::Benchmark
