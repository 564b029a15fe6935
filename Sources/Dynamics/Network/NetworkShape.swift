/// The sizes of a network that gives the last derivative of some variables, and where each of its numbers stands in one vector.
///
/// The vector holds layer after layer, the weights of each before its biases; then the weights of a skip connection, the ln α
/// of gates on the weights, and the learned velocities, where there are any.
public struct NetworkShape: Sendable, Equatable {
    /// Number of variables, n.
    public let variables: Int
    /// Order of the differential equations, 1 or 2: the network reads x, or x and ẋ.
    public let order: Int
    /// Units of the hidden layers; of each output's own where ``isPerOutput``.
    public let hidden: [Int]
    /// Whether each output has a network of its own.
    public let isPerOutput: Bool
    /// A linear map beside the network.
    public let skip: Skip
    /// Whether every weight has a gate.
    public let isGated: Bool
    /// Segments whose first velocity is learned; 0: none.
    public let learnedVelocities: Int

    /// Where a linear map Θ of the state stands beside the network.
    public enum Skip: Sendable, Equatable {
        /// There is none.
        case none
        /// In the derivative: f(z) + Θz.
        case inner
        /// After the solver: what is seen is x + Θz.
        case outer
    }

    /// One layer: blocks of weights, of which each reads its own part of the units before, the first layer's the whole state.
    struct Layer: Sendable, Equatable {
        /// Units, all blocks together.
        let units: Int
        /// Blocks; each of rows × columns weights, column after column, block after block.
        let blocks: Int
        let rows: Int
        let columns: Int
        /// First weight and first bias in the vector.
        let weights: Int
        let biases: Int
        /// First weight, counted without biases.
        let gates: Int

        var weightCount: Int { blocks * rows * columns }
    }

    let layers: [Layer]
    /// Weights of the layers.
    let weightCount: Int
    /// First weight of the skip connection, n × inputs.
    let skipStart: Int
    /// First ln α, a gate a weight.
    let gateStart: Int
    /// First learned velocity, n a segment.
    let velocityStart: Int
    /// Length of the vector.
    public let count: Int

    /// - Parameters: see the properties; sizes are positive, order is 1 or 2.
    package init(
        variables: Int, order: Int, hidden: [Int], isPerOutput: Bool = false, skip: Skip = .none,
        isGated: Bool = false, learnedVelocities: Int = 0
    ) {
        precondition(variables > 0 && (1...2).contains(order) && hidden.allSatisfy { $0 > 0 })
        self.variables = variables
        self.order = order
        self.hidden = hidden
        self.isPerOutput = isPerOutput
        self.skip = skip
        self.isGated = isGated
        self.learnedVelocities = learnedVelocities
        var (layers, place, gates): ([Layer], Int, Int) = ([], 0, 0)
        var columns = variables * order
        for (number, rows) in (hidden + [isPerOutput ? 1 : variables]).enumerated() {
            // All networks read the same state: the first layer is one block.
            let isSplit = isPerOutput && number > 0
            let blocks = isSplit ? variables : 1
            let height = isPerOutput && number == 0 ? variables * rows : rows
            let size = blocks * height * columns
            layers.append(
                Layer(
                    units: blocks * height, blocks: blocks, rows: height, columns: columns, weights: place,
                    biases: place + size, gates: gates))
            place += size + blocks * height
            gates += size
            columns = isPerOutput ? rows : height
        }
        self.layers = layers
        weightCount = gates
        skipStart = place
        gateStart = skipStart + (skip == .none ? 0 : variables * variables * order)
        velocityStart = gateStart + (isGated ? gates : 0)
        count = velocityStart + learnedVelocities * variables
    }

    /// Length of the state that the network reads: n, or 2n.
    public var inputs: Int { variables * order }

    /// Numbers of the layers: what a solver reads beside the skip connection.
    var networkCount: Int { skipStart }

    /// Numbers that a path depends on: of the layers and the skip connection.
    var pathCount: Int { gateStart }

    /// First-layer weights of one output's own network that read one input: contiguous.
    func weights(output: Int, input: Int) -> Range<Int> {
        let first = layers[0]
        let height = isPerOutput ? first.rows / variables : first.rows
        let start = first.weights + input * first.rows + (isPerOutput ? output * height : 0)
        return start..<(start + height)
    }
}
