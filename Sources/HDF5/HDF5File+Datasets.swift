import CHDF5

extension HDF5File {
    /// Shape and type of a dataset.
    ///
    /// - Throws: ``HDF5Error`` when it is missing, not a dataset, damaged or stored outside the file.
    public func describe(_ dataset: String) throws(HDF5Error) -> HDF5Description {
        try withDataset(dataset) { opened in HDF5Description(shape: opened.shape, type: opened.type) }
    }

    /// Reads numbers of any type as doubles.
    ///
    /// - Throws: ``HDF5Error`` when the dataset is missing, not numeric, damaged or larger than its file can hold.
    public func doubles(_ dataset: String) throws(HDF5Error) -> HDF5Array<Double> {
        try withDataset(dataset) { opened throws(HDF5Error) in try opened.doubles() }
    }

    /// Reads numbers as doubles by the address of their dataset: for those that many references lead to, which would be
    /// found one by one by their names.
    ///
    /// - Parameters:
    ///   - address: as ``links(in:)`` gives it; any other may be refused, or be another object.
    ///   - name: what messages call the dataset.
    ///   - mark: an attribute that says, where it is not zero, that the elements mean something else.
    /// - Returns: nil where the dataset is so marked.
    /// - Throws: ``HDF5Error`` as ``doubles(_:)`` does.
    public func doubles(
        at address: UInt64, named name: String, unlessMarked mark: String
    ) throws(HDF5Error) -> HDF5Array<Double>? {
        try HDF5Library.locked { () throws(HDF5Error) -> HDF5Array<Double>? in
            guard let handle = Handle(H5Oopen_by_addr(id, haddr_t(address))) else { throw damaged(name) }
            let exists = H5Aexists(handle.id, mark)
            guard exists >= 0 else { throw damaged(name) }
            if exists > 0, try isMarked(handle, mark, name) { return nil }
            return try OpenDataset(self, name, handle).doubles()
        }
    }

    /// Reads whole numbers: integers and booleans, or floating point without fractions, as MATLAB writes them.
    ///
    /// - Throws: ``HDF5Error`` as ``doubles(_:)`` does, and when a number has a fraction.
    public func integers(_ dataset: String) throws(HDF5Error) -> HDF5Array<Int> {
        try withDataset(dataset) { opened throws(HDF5Error) in
            try opened.requireNumbers()
            guard case .float = opened.type else {
                return HDF5Array(shape: opened.shape, elements: try opened.readAll(0, as: foci_h5t_native_int64()))
            }
            let numbers = try opened.readAll(as: Double.self)
            var whole: [Int] = []
            whole.reserveCapacity(numbers.count)
            for (position, number) in numbers.enumerated() {
                guard let value = Int(exactly: number) else {
                    throw self.error(
                        .wrongType, dataset, found: "\(number) at position \(position)", expected: "whole numbers")
                }
                whole.append(value)
            }
            return HDF5Array(shape: opened.shape, elements: whole)
        }
    }

    /// Reads strings of fixed or variable length.
    ///
    /// - Throws: ``HDF5Error`` when the dataset is missing, not of strings, damaged or larger than its file can hold.
    public func strings(_ dataset: String) throws(HDF5Error) -> HDF5Array<String> {
        try withDataset(dataset) { opened throws(HDF5Error) in
            guard case .string = opened.type else { throw opened.wrongType(expected: "strings") }
            return HDF5Array(shape: opened.shape, elements: try opened.readStrings())
        }
    }

    /// Reads a matrix of numbers, turned from the file's row-major order to column-major.
    ///
    /// - Throws: ``HDF5Error`` as ``doubles(_:)`` does, and when the dataset has not two dimensions.
    /// - Complexity: O(rows · columns); memory of the result and a sixteenth, or one chunk if that is more.
    public func matrix(_ dataset: String) throws(HDF5Error) -> HDF5Matrix<Double> {
        try matrix(dataset, as: Double.self)
    }

    /// Reads a matrix in single precision, for datasets that are stored so.
    ///
    /// - Throws: ``HDF5Error`` as ``matrix(_:)`` does.
    /// - Complexity: as ``matrix(_:)``.
    public func singleMatrix(_ dataset: String) throws(HDF5Error) -> HDF5Matrix<Float> {
        try matrix(dataset, as: Float.self)
    }

    private func matrix<Element: Real>(
        _ dataset: String, as _: Element.Type
    ) throws(HDF5Error) -> HDF5Matrix<Element> {
        let stack = try matrices(dataset, dimensions: 2...2, as: Element.self)
        guard let matrix = stack.first else {
            throw error(.wrongShape, dataset, found: "no matrix", expected: "one")
        }
        return matrix
    }

    /// Reads a matrix, or a stack of matrices [count, rows, columns], turned to column-major order.
    ///
    /// - Throws: ``HDF5Error`` as ``matrix(_:)`` does.
    /// - Complexity: as ``matrix(_:)``.
    public func matrices(_ dataset: String) throws(HDF5Error) -> [HDF5Matrix<Double>] {
        try matrices(dataset, dimensions: 2...3, as: Double.self)
    }

    private func matrices<Element: Real>(
        _ dataset: String, dimensions: ClosedRange<Int>, as _: Element.Type
    ) throws(HDF5Error) -> [HDF5Matrix<Element>] {
        try withDataset(dataset) { opened throws(HDF5Error) in
            try opened.requireNumbers()
            try opened.requireDimensions(
                dimensions, dimensions.upperBound == 2 ? "two dimensions" : "two or three dimensions")
            return try opened.readMatrices(as: Element.self)
        }
    }

    /// Reads numbers in slabs along the first dimension, so that a caller may put them in another order without a second
    /// copy of all.
    ///
    /// - Parameters:
    ///   - dataset: of one to three dimensions.
    ///   - body: called with the first index of a slab, how many indices it spans, and its elements, row-major; inside the
    ///     lock of the library, so that no HDF5 file may be read or closed in it.
    /// - Throws: ``HDF5Error`` as ``doubles(_:)`` does, and when the dataset has another number of dimensions.
    /// - Complexity: memory of a sixteenth of the dataset, or of what one chunk's height of it takes if that is more.
    public func slabs(
        _ dataset: String, _ body: (_ start: Int, _ height: Int, _ elements: UnsafeBufferPointer<Double>) -> Void
    ) throws(HDF5Error) {
        try withDataset(dataset) { opened throws(HDF5Error) in
            try opened.requireNumbers()
            try opened.requireDimensions(1...3, "one to three dimensions")
            try opened.readSlabs(body)
        }
    }

    /// Opens a dataset for as long as it is worked with.
    func withDataset<T: Sendable>(
        _ dataset: String, _ body: (borrowing OpenDataset) throws(HDF5Error) -> T
    ) throws(HDF5Error) -> T {
        try HDF5Library.locked { () throws(HDF5Error) -> T in try body(OpenDataset(self, dataset)) }
    }
}
