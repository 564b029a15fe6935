/// Counts how often scratch memory was allocated, so that "nothing is allocated inside a sweep" is a number.
final class AllocationCount {
    private(set) var count = 0

    func record() { count += 1 }
}

/// Scratch memory that belongs to a solver session: grown on purpose, never inside a sweep.
final class Buffer {
    private(set) var pointer: UnsafeMutablePointer<Double>
    private(set) var capacity: Int
    private let allocations: AllocationCount

    init(capacity: Int = 0, _ allocations: AllocationCount) {
        self.capacity = max(capacity, 1)
        self.allocations = allocations
        pointer = .allocate(capacity: self.capacity)
        pointer.initialize(repeating: 0, count: self.capacity)
        allocations.record()
    }

    deinit { pointer.deallocate() }

    /// Makes room for at least `count` values. The old ones are lost when it grows.
    func reserve(_ count: Int) {
        guard count > capacity else { return }
        pointer.deallocate()
        capacity = count + count / 4
        pointer = .allocate(capacity: capacity)
        pointer.initialize(repeating: 0, count: capacity)
        allocations.record()
    }
}
