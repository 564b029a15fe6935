/// Who drives whom, as a model tells it.
public struct DynamicsAnswer: Sendable {
    /// What is printed of it.
    public let summary: DynamicsSummary
    /// Influence by frequency; nil where the model is not linear.
    public let spectrum: InfluenceSpectrum?
    /// Where the variables are, m; empty where they are nowhere.
    public let positions: [SIMD3<Double>]

    /// A number of each connection, targets × sources; NaN on the diagonal and where it is unknown.
    public func matrix(_ number: (DynamicsSummary.Connection) -> Double?) -> Matrix {
        let count = summary.variables.count
        var matrix = Matrix(rows: count, columns: count, repeating: .nan)
        for (pair, connection) in zip(Connection.pairs(of: count), summary.connections) {
            matrix[pair.target, pair.source] = number(connection) ?? .nan
        }
        return matrix
    }

    /// Its connections between its variables.
    public var graph: ConnectionGraph {
        ConnectionGraph(variables: summary.variables, positions: positions, connections: summary.connections)
    }

    /// How well what comes is told.
    public struct Horizon: Encodable, Sendable, Equatable {
        /// Samples ahead.
        public let samples: Int
        /// The same, s.
        public let time: Double
        /// Part of the variance about the mean that is explained on epochs that the model has not seen; 0 is as good as the mean.
        public let explained: Double
    }

    init(
        _ request: DynamicsRequest, _ data: NamedTrajectories, _ model: any DynamicalModel, forecast: [Horizon],
        spectrum: InfluenceSpectrum?, resamples: Int, seconds: Double
    ) {
        self.spectrum = spectrum
        positions = data.positions
        summary = DynamicsSummary(
            model: request.model.name, penalty: model.sparsity?.penalty, lambda: model.sparsity?.lambda,
            variables: data.names, epochs: data.trajectories.epochs.count,
            samples: data.trajectories.sampleCount, interval: data.trajectories.interval, order: model.order,
            falseDiscoveryRate: request.settings.falseDiscoveryRate,
            smallestInfluence: request.settings.smallestInfluence, resamples: resamples,
            seed: request.settings.seed,
            connections: model.connections.map { connection in
                .init(
                    from: data.names[connection.source], to: data.names[connection.target],
                    influence: connection.influence, p: connection.p, fdr: connection.adjustedP,
                    selected: connection.isSelected, confirmed: connection.isConfirmed,
                    frequency: connection.frequency)
            }, forecast: forecast, warnings: model.warnings.map { $0.text { data.names[$0] } }, seconds: seconds)
    }
}

/// Which variable drives which, as figures draw it.
public struct ConnectionGraph: Sendable {
    /// Names of the variables.
    public let variables: [String]
    /// Where they are, m; empty where they are nowhere.
    public let positions: [SIMD3<Double>]
    /// All connections, by the names of variables.
    public let connections: [DynamicsSummary.Connection]

    /// See the properties.
    public init(variables: [String], positions: [SIMD3<Double>], connections: [DynamicsSummary.Connection]) {
        self.variables = variables
        self.positions = positions
        self.connections = connections
    }
}

/// What is printed of who drives whom.
public struct DynamicsSummary: Encodable, Sendable {
    /// One variable's influence on another.
    public struct Connection: Encodable, Sendable {
        /// Which drives, and which is driven.
        public let from, to: String
        /// How much.
        public let influence: Double
        /// Probability of as much where there is none; nil where the model has no test.
        @Nullable public var p: Double?
        /// p corrected for the number of connections (Benjamini & Hochberg 1995).
        @Nullable public var fdr: Double?
        /// Whether the connection is taken to be there.
        public let selected: Bool
        /// Whether reversed time tells the opposite; nil where that was not asked.
        @Nullable public var confirmed: Bool?
        /// Part of the resamples of epochs that select it; nil where none were drawn.
        @Nullable public var frequency: Double?

        /// See the properties.
        public init(
            from: String, to: String, influence: Double, p: Double?, fdr: Double?, selected: Bool,
            confirmed: Bool? = nil, frequency: Double? = nil
        ) {
            (self.from, self.to) = (from, to)
            self.influence = influence
            self.selected = selected
            _p = Nullable(wrappedValue: p)
            _fdr = Nullable(wrappedValue: fdr)
            _confirmed = Nullable(wrappedValue: confirmed)
            _frequency = Nullable(wrappedValue: frequency)
        }
    }

    /// The kind of model.
    public let model: String
    /// What keeps a network sparse, and how strongly; nil for other models.
    public let penalty: String?
    /// λ of that.
    public let lambda: Double?
    /// Names of the variables.
    public let variables: [String]
    /// How many there are of each.
    public let epochs, samples: Int
    /// From one sample to the next, s.
    public let interval: Double
    /// Lags, or order of the equations.
    public let order: Int
    /// Accepted part of false connections among those found.
    public let falseDiscoveryRate: Double
    /// Of the strongest, below which influences are left out.
    public let smallestInfluence: Double
    /// Resamples of epochs.
    public let resamples: Int
    /// Of what is drawn.
    public let seed: UInt64
    /// All connections, target after target.
    public let connections: [Connection]
    /// On what the model has not seen; empty where nothing was held out.
    public let forecast: [DynamicsAnswer.Horizon]
    /// What stands against trusting it, one line each.
    public let warnings: [String]
    /// Of computing.
    public let seconds: Double

    /// As JSON, with underscores in names.
    ///
    /// - Throws: `EncodingError`.
    public func json(isIndented: Bool) throws -> String {
        try JSON.text(self, isIndented: isIndented, keys: .convertToSnakeCase)
    }
}
