import LinearAlgebra

/// The sum of all entries of a product of layers' matrices, and its derivatives, without the product.
///
/// With r₀ = 1, r_l = M_l r_{l−1} and q_L = 1, q_{l−1} = M_lᵀ q_l the sum is 1ᵀr_L, its derivative by M_l is q_l r_{l−1}ᵀ.
final class PathSum {
    private let shape: NetworkShape
    /// Sums from the inputs to each layer's units, and from each layer's units to the outputs.
    private var forward: [[Double]]
    private var backward: [[Double]]

    init(_ shape: NetworkShape) {
        self.shape = shape
        let sizes = [shape.inputs] + shape.layers.map(\.units)
        forward = sizes.map { [Double](repeating: 1, count: $0) }
        backward = forward
    }

    /// The sum; its derivatives are then there for ``forEachDerivative(_:)``.
    ///
    /// - Parameter entries: of the matrices in the order of weights, without biases.
    /// - Complexity: O(weights).
    func evaluate(_ entries: UnsafePointer<Double>) -> Double {
        let count = shape.layers.count
        for index in 0..<count {
            let layer = shape.layers[index]
            for unit in 0..<layer.units { forward[index + 1][unit] = 0 }
            Self.each(layer) { place, row, column in
                forward[index + 1][row] += entries[layer.gates + place] * forward[index][column]
            }
        }
        for index in (0..<count).reversed() {
            let layer = shape.layers[index]
            for unit in backward[index].indices { backward[index][unit] = 0 }
            Self.each(layer) { place, row, column in
                backward[index][column] += entries[layer.gates + place] * backward[index + 1][row]
            }
        }
        return forward[count].reduce(0, +)
    }

    /// Calls `body` with every entry's place among the shape's numbers, its own number, and the sum's derivative by it.
    @inline(__always)
    func forEachDerivative(_ body: (_ place: Int, _ number: Int, _ derivative: Double) -> Void) {
        for (index, layer) in shape.layers.enumerated() {
            Self.each(layer) { place, row, column in
                body(
                    layer.weights + place, layer.gates + place,
                    backward[index + 1][row] * forward[index][column])
            }
        }
    }

    /// Every weight of a layer: its place, and the units that it leads to and comes from.
    @inline(__always)
    private static func each(
        _ layer: NetworkShape.Layer, _ body: (_ place: Int, _ row: Int, _ column: Int) -> Void
    ) {
        var place = 0
        for block in 0..<layer.blocks {
            for column in 0..<layer.columns {
                for row in 0..<layer.rows {
                    body(place, block * layer.rows + row, block * layer.columns + column)
                    place += 1
                }
            }
        }
    }

    /// The product itself, outputs × inputs.
    static func product(_ shape: NetworkShape, _ entries: UnsafePointer<Double>) -> Matrix {
        var result = Matrix.identity(shape.inputs)
        for layer in shape.layers {
            var next = Matrix(rows: layer.units, columns: shape.inputs)
            each(layer) { place, row, column in
                for input in 0..<shape.inputs {
                    next[row, input] += entries[layer.gates + place] * result[column, input]
                }
            }
            result = next
        }
        return result
    }
}
