/// Best-subset regression over atoms by exchange: few atoms S that make ‖Y − Σ_S D_jB_j‖² + Σ_S c_j‖B_j‖² + τ·|S| small.
///
/// The number of atoms is charged itself, not through a norm: λ, depth weights and the scale of reweighting play no part.
/// The ridge c_j = c·(largest squared column of D_j) takes a part c/(1 + c) from the amplitude of an atom on its own and
/// keeps atoms that nearly coincide from cancelling each other. From every start, atoms are exchanged one at a time for
/// the best atom anywhere (alternating projection: Ziskind & Wax 1988, for brain sources Adler et al. 2022), dropped where
/// they explain less than τ, and added where they explain more, until no exchange, drop or addition lowers the objective.
/// That is a local minimum of a problem without tractable certificate; the best over the starts is returned. Each move
/// lowers the objective, so the moves end.
public struct SubsetSelection: Sendable {
    /// τ: what an atom must explain of ‖Y‖² to be worth its place.
    public var charge: Double
    /// Most atoms.
    public var maximumCount: Int

    /// A selection.
    ///
    /// - Parameter charge: τ, positive.
    public init(charge: Double, maximumCount: Int = 30) {
        self.charge = charge
        self.maximumCount = maximumCount
    }

    /// What was selected.
    public struct Outcome: Sendable {
        /// The atoms, ordered by block.
        public let atoms: [AtomDictionary.Atom]
        /// Coefficients over the columns of the atoms in their order, T × columns.
        public let coefficients: Matrix
        /// By how much the objective without its charges would rise without each atom, the others refitted.
        public let scores: [Double]
        /// The objective at the end of the descent from each start.
        public let objectives: [Double]
        /// Whether no exchange, drop or addition lowers the objective; else the descent was cut short.
        public let isSettled: Bool
        /// Looks at all atoms, over all starts.
        public let looks: Int
        /// Whether the caller cancelled.
        public let isCancelled: Bool

        /// The objective: the smallest of ``objectives``.
        public var objective: Double { objectives.min() ?? .nan }
    }

    /// Where a descent from one start ended.
    private struct Descent {
        var atoms: [AtomDictionary.Atom]
        var scores: [Double]
        var isSettled: Bool
    }

    /// Selects atoms.
    ///
    /// - Parameters:
    ///   - dictionary: what can be selected; at most one atom of a block is.
    ///   - response: Y, n × T.
    ///   - starts: subsets to begin with, beside the empty one.
    ///   - monitor: progress and cancellation.
    /// - Throws: ``InvalidPenalty`` for a charge that is not a positive number.
    /// - Complexity: O(q·k·(k + T)) a look at all atoms, k columns in the subset; memory O(q·(k + T)).
    public func run(
        _ dictionary: AtomDictionary, response: Matrix, starts: [[AtomDictionary.Atom]] = [],
        monitor: Monitor = .silent
    ) throws(InvalidPenalty) -> Outcome {
        guard charge > 0, charge.isFinite else {
            throw .shape(name: "the charge for a source", value: charge, expected: "a positive number")
        }
        var scores = AtomScores(dictionary, response)
        let total = response.squaredNorm
        var best: (descent: Descent, objective: Double)?
        var objectives: [Double] = []
        for start in [[]] + starts {
            let end = descend(from: start, &scores, total, monitor)
            let objective = total - scores.fit(end.atoms).explained + charge * Double(end.atoms.count)
            objectives.append(objective)
            // A later start must be better by more than rounding.
            if best.map({ objective < $0.objective - 1e-10 * total }) ?? true { best = (end, objective) }
            if monitor.isCancelled() { break }
        }
        let found = best?.descent ?? Descent(atoms: [], scores: [], isSettled: false)
        let order = found.atoms.indices.sorted { found.atoms[$0].block < found.atoms[$1].block }
        let atoms = order.map { found.atoms[$0] }
        let fit = scores.fit(atoms)
        return Outcome(
            atoms: atoms, coefficients: fit.coefficients, scores: order.map { found.scores[$0] },
            objectives: objectives, isSettled: found.isSettled,
            looks: scores.looks, isCancelled: monitor.isCancelled())
    }

    private func descend(
        from start: [AtomDictionary.Atom], _ scores: inout AtomScores, _ total: Double, _ monitor: Monitor
    ) -> Descent {
        var atoms: [AtomDictionary.Atom] = []
        var blocks = Set<Int>()
        for atom in start where atoms.count < maximumCount && blocks.insert(atom.block).inserted { atoms.append(atom) }
        let tolerance = 1e-9 * total
        var own = [Double](repeating: 0, count: atoms.count)
        /// How many atoms in a row stayed where they are.
        var settled = 0
        var next = 0
        // Every move lowers the objective by more than the tolerance; the bound only guards against rounding.
        for _ in 0..<10_000 {
            if monitor.isCancelled() { return Descent(atoms: atoms, scores: own, isSettled: false) }
            monitor.report(.init(stage: "refining", detail: "\(atoms.count) sources"))
            guard settled < atoms.count else {
                if let weakest = own.indices.min(by: { own[$0] < own[$1] }), own[weakest] < charge {
                    atoms.remove(at: weakest)
                    own.remove(at: weakest)
                } else {
                    guard atoms.count < maximumCount else {
                        return Descent(atoms: atoms, scores: own, isSettled: false)
                    }
                    guard let best = scores.evaluate(others: atoms).best, best.score > charge + tolerance else {
                        return Descent(atoms: atoms, scores: own, isSettled: true)
                    }
                    atoms.append(best.atom)
                    own.append(best.score)
                }
                scores.keep(only: atoms)
                settled = 0
                next = 0
                continue
            }
            let atom = atoms[next]
            let look = scores.evaluate(
                others: atoms.enumerated().filter { $0.offset != next }.map(\.element), own: atom)
            own[next] = look.own
            settled += 1
            if let best = look.best, best.atom != atom, best.score > look.own + tolerance {
                atoms[next] = best.atom
                own[next] = best.score
                scores.keep(only: atoms)
                settled = 1
            }
            next = (next + 1) % atoms.count
        }
        return Descent(atoms: atoms, scores: own, isSettled: false)
    }
}
