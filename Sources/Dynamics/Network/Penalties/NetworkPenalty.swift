import SparseRegression

/// What keeps the dependencies of a network few: a smooth part that joins the loss, a map after every step, or both.
///
/// The smooth part is a function of all the shape's numbers. A new penalty is one file, and one line in the list of
/// ``NetworkPenaltyKind``.
public protocol NetworkPenalty: Sendable {
    /// Whether each output has a network of its own.
    var isPerOutput: Bool { get }
    /// The linear map beside the network.
    var skip: NetworkShape.Skip { get }
    /// Whether every weight has a gate, drawn anew for every gradient.
    var isGated: Bool { get }

    /// Adds the gradient of the smooth part to one; returns its value.
    func addGradient(at point: PenaltyPoint, to gradient: UnsafeMutablePointer<Double>) -> Double

    /// The map after a step of Adam, in place.
    ///
    /// - Parameter step: the step's length, and where the map is to be taken in Adam's metric the step of every number.
    func shrink(_ parameters: UnsafeMutablePointer<Double>, _ shape: NetworkShape, step: PenaltyStep)
}

extension NetworkPenalty {
    /// All outputs share one network.
    public var isPerOutput: Bool { false }
    /// None.
    public var skip: NetworkShape.Skip { .none }
    /// No.
    public var isGated: Bool { false }
    /// There is no smooth part.
    public func addGradient(at point: PenaltyPoint, to gradient: UnsafeMutablePointer<Double>) -> Double { 0 }
    /// Nothing follows a step.
    public func shrink(_ parameters: UnsafeMutablePointer<Double>, _ shape: NetworkShape, step: PenaltyStep) {}
}

/// The numbers of a network, and memory, for a penalty's smooth part.
public final class PenaltyPoint {
    let shape: NetworkShape
    let parameters: UnsafePointer<Double>
    private let paths: PathSum
    private var entries: [Double]

    init(_ shape: NetworkShape, _ parameters: UnsafePointer<Double>) {
        self.shape = shape
        self.parameters = parameters
        paths = PathSum(shape)
        entries = [Double](repeating: 0, count: shape.weightCount)
    }

    /// Calls `body` with the place of every weight among the parameters and its number among the weights.
    @inline(__always)
    func forEachWeight(_ body: (_ place: Int, _ number: Int) -> Void) {
        for layer in shape.layers {
            for k in 0..<layer.weightCount { body(layer.weights + k, layer.gates + k) }
        }
    }

    /// The probability that a gate is open.
    func probability(_ number: Int) -> Double {
        HardConcrete.probability(logAlpha: parameters[shape.gateStart + number])
    }

    /// λ times the mean over inputs and outputs of the weights of all paths between them, each path's the product of its
    /// weights' magnitudes; adds the gradient.
    func addWeightPaths(_ lambda: Double, to gradient: UnsafeMutablePointer<Double>) -> Double {
        forEachWeight { entries[$1] = abs(parameters[$0]) }
        let factor = lambda / Double(shape.variables * shape.inputs)
        let sum = entries.withUnsafeBufferPointer { $0.baseAddress.map(paths.evaluate) ?? 0 }
        paths.forEachDerivative { place, _, derivative in
            let weight = parameters[place]
            gradient[place] += factor * derivative * (weight > 0 ? 1 : (weight < 0 ? -1 : 0))
        }
        return factor * sum
    }

    /// The same of the probabilities that gates are open.
    func addGatePaths(_ lambda: Double, to gradient: UnsafeMutablePointer<Double>) -> Double {
        for number in entries.indices { entries[number] = probability(number) }
        let factor = lambda / Double(shape.variables * shape.inputs)
        let sum = entries.withUnsafeBufferPointer { $0.baseAddress.map(paths.evaluate) ?? 0 }
        paths.forEachDerivative { _, number, derivative in
            gradient[shape.gateStart + number] += factor * derivative * entries[number] * (1 - entries[number])
        }
        return factor * sum
    }
}

/// The step after which a penalty's map is taken.
public struct PenaltyStep {
    /// Its length.
    let length: Double
    /// Adam's step of every number by itself (length over the root of its second moment); nil: the length for all.
    let scales: UnsafePointer<Double>?
}

/// What options, help and results know of a penalty by its name.
public struct NetworkPenaltyKind: NamedKind {
    /// Name for options and results.
    public let name: String
    /// One line of help.
    public let help: String
    /// Values of λ to choose from, ascending.
    public let lambdas: [Double]
    /// Whether λ grows from its smallest value on while training, each value from the network of the one before.
    public let isPath: Bool
    /// Share of what connections gain in held-out segments (the best λ against the largest, which leaves each variable to itself)
    /// that a larger λ may lose; nil: no more than the error varies by.
    public let lostShare: Double?
    /// The penalty at λ.
    public let penalty: @Sendable (_ lambda: Double) -> any NetworkPenalty

    init(
        _ name: String, help: String, lambdas: [Double], isPath: Bool = false, lostShare: Double? = nil,
        _ penalty: @escaping @Sendable (_ lambda: Double) -> any NetworkPenalty
    ) {
        self.name = name
        self.help = help
        self.lambdas = lambdas
        self.isPath = isPath
        self.lostShare = lostShare
        self.penalty = penalty
    }
}
