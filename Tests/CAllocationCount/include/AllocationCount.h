#ifndef FOCI_ALLOCATION_COUNT_H
#define FOCI_ALLOCATION_COUNT_H

/// Begins to count the heap allocations of the calling thread, from zero.
void allocation_count_begin(void);

/// Ends counting on the calling thread and gives the number of allocations since it began, those inside
/// OpenBLAS left out.
long allocation_count_end(void);

#endif
