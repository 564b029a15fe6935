// A penalty of entries ties nothing together but one column and one sample: the problem falls apart into one a sample,
// each with a block a column. These are the steps there and back.

extension RegressionProblem {
    /// Whether every block is one column and there is one sample, so that blocks are entries.
    var isOfSingleEntries: Bool { response.columns == 1 && sampleCount == 1 && blocks.count == design.columns }

    /// The problem of one sample, n × 1, with a block a column.
    ///
    /// - Throws: ``Invalid``.
    func singleEntries(response: Matrix) throws(Invalid) -> RegressionProblem {
        try with(response: response, blocks: BlockStructure(count: design.columns, size: 1))
    }
}

extension ActiveSet {
    /// One sample of the coefficients, as blocks of one column, numbered as the columns of the design.
    public func singleSample(_ sample: Int, of problem: RegressionProblem) -> ActiveSet {
        var columns: [Int] = []
        var values: [Double] = []
        for (i, block) in blocks.enumerated() {
            for (k, column) in problem.blocks.columns(of: block).enumerated() {
                let value = coefficients[sample, offsets[i] + k]
                guard value != 0 else { continue }
                columns.append(column)
                values.append(value)
            }
        }
        return ActiveSet(
            blocks: columns, offsets: Array(0...columns.count),
            coefficients: Matrix(rows: 1, columns: columns.count, elements: values))
    }
}
