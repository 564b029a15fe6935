/// Counts how often scratch memory was allocated, so that "nothing is allocated inside a sweep" is a number.
package final class AllocationCount {
    package private(set) var count = 0
    /// Doubles held now.
    private(set) var capacity = 0

    package init() {}

    func record(_ change: Int) {
        count += 1
        capacity += change
    }

    func release(_ size: Int) { capacity -= size }
}

/// Scratch memory that belongs to a solver session: grown on purpose, never inside a sweep.
package final class Buffer {
    package private(set) var pointer: UnsafeMutablePointer<Double>
    private(set) var capacity: Int
    private let allocations: AllocationCount

    package init(capacity: Int = 0, _ allocations: AllocationCount) {
        self.capacity = max(capacity, 1)
        self.allocations = allocations
        pointer = .allocate(capacity: self.capacity)
        allocations.record(self.capacity)
    }

    deinit {
        pointer.deallocate()
        allocations.release(capacity)
    }

    /// Makes room for at least `count` values. Of the old ones the first `kept` stay when it grows; the others are not
    /// initialized.
    package func reserve(_ count: Int, keeping kept: Int = 0) {
        guard count > capacity else { return }
        // The system gives memory out page by page as it is touched: a generous size costs address space only, and
        // growing often costs the pages again.
        let old = pointer
        if kept == 0 { old.deallocate() }
        let change = 2 * count - capacity
        capacity = 2 * count
        pointer = .allocate(capacity: capacity)
        if kept > 0 {
            pointer.update(from: old, count: kept)
            old.deallocate()
        }
        allocations.record(change)
    }
}
