import LinearAlgebra

/// A fitted model of who drives whom, which goes on beyond the data.
public protocol DynamicalModel: Sendable {
    /// Lags of an autoregression, or order of differential equations.
    var order: Int { get }

    /// All n(n − 1) connections, in the order of ``Connection/pairs(of:)``.
    var connections: [Connection] { get }

    /// What keeps connections few, with its λ, where that is a choice; nil where there is none.
    var sparsity: (penalty: String, lambda: Double)? { get }

    /// What stands against trusting them.
    var warnings: [DynamicsWarning] { get }

    /// Fewest samples that ``forecast(after:samples:)`` starts from.
    var historySamples: Int { get }

    /// What comes after a piece of trajectory, without noise.
    ///
    /// - Parameters:
    ///   - history: variables × samples, at the sampling interval and in the units of the trajectories fitted; the forecast
    ///     begins one interval after its last sample.
    ///   - samples: number of samples.
    /// - Returns: variables × samples.
    /// - Throws: ``InvalidTrajectories`` where the history does not fit, or the model leaves the finite numbers.
    func forecast(after history: Matrix, samples: Int) throws(InvalidTrajectories) -> Matrix

    /// How much each variable drives each other at frequencies; nil where the model is not linear.
    ///
    /// - Parameter frequencies: Hz.
    func spectrum(at frequencies: [Double]) -> InfluenceSpectrum?
}

extension DynamicalModel {
    /// Most models have one way to keep connections few.
    public var sparsity: (penalty: String, lambda: Double)? { nil }

    /// Models that are not linear have no spectrum.
    public func spectrum(at frequencies: [Double]) -> InfluenceSpectrum? { nil }

    /// Throws where a forecast cannot start from a history.
    func check(history: Matrix, variables: Int) throws(InvalidTrajectories) {
        guard history.rows == variables else {
            throw .variables(epoch: 0, found: history.rows, expected: variables)
        }
        guard history.columns >= historySamples else {
            throw .tooFewSamples(found: history.columns, needed: historySamples)
        }
        if let (variable, sample) = history.firstNonFinite {
            throw .notFinite(epoch: 0, variable: variable, sample: sample)
        }
    }
}

/// What options, help and results know of a kind of model by its name. A new kind is one file that states it, and one line in
/// the list ``all``.
public struct DynamicsKind: Sendable {
    /// Name for options and results.
    public let name: String
    /// One line of help.
    public let help: String
    private let make:
        @Sendable (_ trajectories: Trajectories, _ settings: DynamicsSettings) throws(InvalidTrajectories)
            -> any DynamicalModel

    init(
        _ name: String, help: String,
        _ make:
            @escaping @Sendable (Trajectories, DynamicsSettings) throws(InvalidTrajectories) -> any DynamicalModel
    ) {
        self.name = name
        self.help = help
        self.make = make
    }

    /// Fits a model of this kind.
    ///
    /// - Throws: ``InvalidTrajectories``, also where a setting is out of its range.
    public func fit(
        _ trajectories: Trajectories, _ settings: DynamicsSettings = DynamicsSettings()
    ) throws(InvalidTrajectories) -> any DynamicalModel {
        try settings.check()
        return try make(trajectories, settings)
    }
}
