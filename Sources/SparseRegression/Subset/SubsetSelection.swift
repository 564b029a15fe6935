/// Best-subset regression over atoms by exchange: few atoms S that make ‖Y − Σ_S D_jB_j‖² + Σ_S c_j‖B_j‖² + τ·|S| small.
///
/// The number of atoms is charged itself, not through a norm: λ, depth weights and the scale of reweighting play no part.
/// The ridge c_j = c·(largest squared column of D_j) takes a part c/(1 + c) from the amplitude of an atom on its own and
/// keeps atoms that nearly coincide from cancelling each other. From every start, atoms are exchanged one at a time for
/// the best atom anywhere (alternating projection: Ziskind & Wax 1988, for brain sources Adler et al. 2022), dropped where
/// they explain less than τ, and added where they explain more, until no exchange, drop or addition lowers the objective.
/// That is a local minimum of a problem without tractable certificate; the best over the starts is returned. Each move
/// lowers the objective, exchanges and additions by more than rounding, so the moves end. In a dictionary that keeps directions
/// D_j is one combination D_ju_j of an atom's columns, which an exchange chooses, too, or all of them at a charge of their own.
public struct SubsetSelection: Sendable {
    /// τ: what an atom must explain of ‖Y‖² to be worth its place.
    public var charge: Double
    /// Most atoms.
    public var maximumCount: Int
    /// What the charge of an atom is below τ, a number a block, negative where it is above: some places are likelier than
    /// others before the response is looked at. nil: the same charge everywhere.
    public var relief: [Double]?

    /// A selection.
    ///
    /// - Parameters:
    ///   - charge: τ, positive; ``run(_:response:starts:monitor:)`` throws for another.
    ///   - maximumCount: most atoms; none below 1.
    ///   - relief: a finite number a block, below τ; ``run(_:response:starts:monitor:)`` throws for others.
    public init(charge: Double, maximumCount: Int = 30, relief: [Double]? = nil) {
        self.charge = charge
        self.maximumCount = maximumCount
        self.relief = relief
    }

    /// What atoms have to be worth.
    fileprivate struct Charges {
        let base: Double
        /// What the charge of an atom is below the base, a number a block; nil where it is the same for all.
        let relief: [Double]?
        /// What it is above for an atom that turns.
        let turning: Double

        /// What is preferred at a block.
        func relief(at block: Int) -> Double { relief?[block] ?? 0 }

        func relief(_ atom: AtomDictionary.Atom) -> Double { relief(at: atom.block) - (atom.turns ? turning : 0) }

        /// Of an atom.
        func of(_ atom: AtomDictionary.Atom) -> Double { base - relief(atom) }

        /// Of a subset.
        func of(_ fit: SubsetFit) -> Double { fit.atoms.reduce(0) { $0 + of($1) } }
    }

    /// The part of a charge that an atom of several columns has to gain by another direction, or family, at its block: directions
    /// are continuous, and less is not worth a look at all atoms.
    private static let turn = 0.01

    /// 2 log 20: what the evidence of another error term has to gain.
    private static let doubt = 6.0

    /// What was selected.
    public struct Outcome: Sendable {
        /// The atoms, ordered by block.
        public let atoms: [AtomDictionary.Atom]
        /// Coefficients over the columns of the atoms in their order, T × columns, in units of response over design.
        public let coefficients: Matrix
        /// By how much the objective without its charges would rise without each atom, the others refitted.
        public let scores: [Double]
        /// The objective at the end of the descent from each start.
        public let objectives: [Double]
        /// Whether no exchange, drop or addition lowers the objective by more than rounding: each that the scores promise
        /// was tried and did not, but for turns at their block of atoms that keep directions, and what gains less than these,
        /// for less than a hundredth of τ. Else another atom would have, beyond the most, or what was to be tried could not be
        /// fitted, since its atoms coincide but for rounding, or the caller cancelled.
        public let isSettled: Bool
        /// Looks at all atoms, over all starts.
        public let looks: Int
        /// Whether the caller cancelled.
        public let isCancelled: Bool

        /// The objective: the smallest of ``objectives``.
        public var objective: Double { objectives.min() ?? .nan }

        /// Other atoms of the same search, ordered by block.
        fileprivate func with(_ fit: SubsetFit, _ search: Search) -> Outcome {
            let fit = search.fit(fit.atoms.sorted { $0.block < $1.block }, after: fit) ?? fit
            return Outcome(
                atoms: fit.atoms, coefficients: fit.coefficients, scores: fit.dropCosts, objectives: objectives,
                isSettled: isSettled, looks: looks + search.looks, isCancelled: search.monitor.isCancelled())
        }

        /// The same subset in terms of another dictionary.
        public func renamed(_ atoms: [AtomDictionary.Atom]) -> Outcome {
            Outcome(
                atoms: atoms, coefficients: coefficients, scores: scores, objectives: objectives,
                isSettled: isSettled, looks: looks, isCancelled: isCancelled)
        }
    }

    /// Where a descent from one start ended.
    fileprivate struct Descent {
        var fit: SubsetFit
        var objective: Double
        var isSettled: Bool
    }

    /// Selects atoms.
    ///
    /// - Parameters:
    ///   - dictionary: what can be selected; at most one atom of a block is.
    ///   - response: Y, n × T; another n than the dictionary's is a programming error.
    ///   - starts: subsets to begin with, beside the empty one, the atoms that matter most first. One that cannot be fitted,
    ///     since its atoms coincide, is left out; so are a second atom of a block and atoms beyond the most.
    ///   - spare: how many atoms more a start may have than the best subset before it: others are left out. Most would be
    ///     exchanged and dropped again one at a time.
    ///   - monitor: progress and cancellation.
    /// - Throws: ``InvalidPenalty`` for a charge that is not a positive number.
    /// - Complexity: O(q·w·(n + k)) a look at all atoms, for k columns in the subset and atoms of w; memory 2k numbers a
    ///   column of every family.
    public func run(
        _ dictionary: AtomDictionary, response: Matrix, starts: [[AtomDictionary.Atom]] = [], spare: Int = .max,
        monitor: Monitor = .silent
    ) throws(InvalidPenalty) -> Outcome {
        guard charge > 0, charge.isFinite else {
            throw .shape(name: "the charge for a source", value: charge, expected: "a positive number")
        }
        if let relief {
            precondition(relief.count == dictionary.families.first?.blocks.count, "one relief a block")
            if let wrong = relief.first(where: { !($0.isFinite && $0 < charge) }) {
                throw .shape(name: "what a charge is lowered by", value: wrong, expected: "less than the charge")
            }
        }
        let search = search(dictionary, response, monitor)
        var best = search.descend(from: search.fit)
        var objectives = [best.objective]
        for start in starts where !monitor.isCancelled() {
            var blocks = Set<Int>()
            let most = min(maximumCount, best.fit.atoms.count + min(spare, maximumCount))
            let atoms = Array(start.filter { blocks.insert($0.block).inserted }.prefix(max(0, most)))
            guard let fit = search.fit(atoms) else { continue }
            let end = search.descend(from: fit)
            objectives.append(end.objective)
            // A later start must be better by more than rounding.
            if end.objective < best.objective - 1e-10 * search.total { best = end }
        }
        let ordered = best.fit.atoms.sorted { $0.block < $1.block }
        let fit = search.fit(ordered, after: best.fit) ?? best.fit
        return Outcome(
            atoms: fit.atoms, coefficients: fit.coefficients, scores: fit.dropCosts, objectives: objectives,
            isSettled: best.isSettled, looks: search.looks, isCancelled: monitor.isCancelled())
    }

    /// The ridge regression of a response on given atoms, with their directions, T × columns; nil where their columns depend
    /// on one another, which those of atoms that a search could fit do not.
    ///
    /// - Complexity: O(n·k·(k + T)), no product with the design.
    public func coefficients(
        _ atoms: [AtomDictionary.Atom], _ dictionary: AtomDictionary, response: Matrix
    ) -> Matrix? {
        let power = AtomDictionary.Power(response: response, squares: [])
        return SubsetFit(atoms, to: power, in: dictionary, after: SubsetFit(to: power))?.coefficients
    }

    /// As many atoms as were selected, exchanged until no exchange lowers ‖Y − fit‖² + ridge: none is dropped or added.
    ///
    /// - Parameters:
    ///   - outcome: of another search for the same response, its atoms in terms of this dictionary.
    ///   - dictionary: what they are exchanged for.
    ///   - response: Y, n × T.
    /// - Returns: the atoms with their scores; starts, looks so far and whether that search was settled are the outcome's.
    ///   The outcome itself where, but for rounding, its atoms depend on one another.
    /// - Complexity: as ``run(_:response:starts:monitor:)`` from one start.
    public func exchanged(
        _ outcome: Outcome, _ dictionary: AtomDictionary, response: Matrix, monitor: Monitor = .silent
    ) -> Outcome {
        let search = search(dictionary, response, monitor)
        guard let start = search.fit(outcome.atoms) else { return outcome }
        return outcome.with(search.descend(from: start, onlyExchanging: true).fit, search)
    }

    /// The number of atoms by what errors of their fields leave of the evidence.
    ///
    /// From what was selected atoms are taken away one by one, the one that costs least first; whenever fewer are left they
    /// are exchanged until no exchange lowers ‖Y − fit‖². Of these subsets, one a number, that of the smallest
    /// ‖Y − fit‖² + ridge + τ·|S| + ``FieldError/evidence`` is returned: an atom that tells but an error of the others is
    /// none.
    ///
    /// - Parameters:
    ///   - outcome: of ``run(_:response:starts:monitor:)`` with the same dictionary and response.
    ///   - errors: error terms to choose among, at least one; each has to be better than the one before by odds of twenty.
    ///   - allowsCancelling: whether an atom may have a field of more power than the response, cancelled by others. Fields
    ///     that err do not cancel so well, whatever a residual says.
    ///   - monitor: progress and cancellation.
    /// - Returns: the subset as an outcome, the number of the error term, and the objective of the best subset of each
    ///   number of atoms under it, from none on; NaN where there is none.
    /// - Complexity: as of a run from a start of so many atoms, for each number of them.
    public func thinned(
        _ outcome: Outcome, _ dictionary: AtomDictionary, response: Matrix, errors: [FieldError],
        allowsCancelling: Bool = true, monitor: Monitor = .silent
    ) -> (outcome: Outcome, error: Int, objectives: [Double]) {
        precondition(!errors.isEmpty)
        let search = search(dictionary, response, monitor)
        guard let first = search.fit(outcome.atoms) else { return (outcome, 0, []) }
        var fits = [first]
        while let fit = fits.last, !fit.atoms.isEmpty, !monitor.isCancelled() {
            let least = fit.atoms.indices.min { fit.dropCosts[$0] < fit.dropCosts[$1] } ?? 0
            var fewer = fit.atoms
            fewer.remove(at: least)
            guard let start = search.fit(fewer, after: fit) else { break }
            fits.append(search.descend(from: start, onlyExchanging: true).fit)
        }
        var bases = FieldError.Bases()
        let values = errors.enumerated().map { number, error in
            fits.map { fit in
                search.objective(fit) + error.evidence(of: fit, to: search.power, in: dictionary, &bases)
                    + Self.doubt * error.noise * Double(number)
            }
        }
        let eligible = fits.indices.filter { allowsCancelling || !search.isCancelling(fits[$0]) }
        var best = (error: 0, fit: eligible.first ?? 0)
        for e in errors.indices {
            for f in eligible where values[e][f] < values[best.error][best.fit] { best = (e, f) }
        }
        var objectives = [Double](repeating: .nan, count: first.atoms.count + 1)
        for (fit, value) in zip(fits, values[best.error]) { objectives[fit.atoms.count] = value }
        return (outcome.with(fits[best.fit], search), best.error, objectives)
    }

    private func search(_ dictionary: AtomDictionary, _ response: Matrix, _ monitor: Monitor) -> Search {
        Search(
            dictionary, response, Charges(base: charge, relief: relief, turning: dictionary.turning), maximumCount,
            monitor)
    }

    /// Descents for one response; the scores of one are where the next begins.
    fileprivate final class Search {
        let power: AtomDictionary.Power
        /// ‖Y‖².
        let total: Double
        let monitor: Monitor
        /// Looks at all atoms so far.
        private(set) var looks = 0
        private let dictionary: AtomDictionary
        private let charges: Charges
        private let maximumCount: Int
        private let scores: AtomScores

        init(
            _ dictionary: AtomDictionary, _ response: Matrix, _ charges: Charges, _ maximumCount: Int,
            _ monitor: Monitor
        ) {
            power = dictionary.power(of: response)
            total = response.squaredNorm
            (self.dictionary, self.charges, self.maximumCount, self.monitor) = (
                dictionary, charges, maximumCount, monitor
            )
            scores = AtomScores(beside: SubsetFit(to: power), of: power, in: dictionary, relief: charges.relief)
        }

        /// Where the last descent ended, no atom at first.
        var fit: SubsetFit { scores.fit }

        /// Fits atoms; nil where, but for rounding, they depend on one another.
        func fit(_ atoms: [AtomDictionary.Atom], after previous: SubsetFit? = nil) -> SubsetFit? {
            SubsetFit(atoms, to: power, in: dictionary, after: previous ?? fit)
        }

        func objective(_ fit: SubsetFit) -> Double { total - fit.explained + charges.of(fit) }

        /// Whether an atom has a field of more power than the response, which others cancel.
        func isCancelling(_ fit: SubsetFit) -> Bool { fit.powers.contains { $0 > total } }

        /// Moves as long as that lowers the objective.
        ///
        /// - Parameter onlyExchanging: whether atoms are neither dropped nor added.
        func descend(from start: SubsetFit, onlyExchanging: Bool = false) -> Descent {
            var fit = start
            if onlyExchanging, fit.atoms.isEmpty {
                return Descent(fit: fit, objective: objective(fit), isSettled: true)
            }
            scores.move(to: fit)
            descent: while true {
                monitor.report(.init(stage: "refining", detail: "\(fit.atoms.count) sources"))
                looks += 1
                var isSettled = true
                for next in moves(from: fit, onlyExchanging: onlyExchanging) {
                    // No room for another atom, no time, or no fit but for rounding: a move that may have been better.
                    guard next.count <= max(fit.atoms.count, maximumCount), !monitor.isCancelled(),
                        let there = self.fit(next, after: fit)
                    else {
                        isSettled = false
                        continue
                    }
                    if objective(there) < objective(fit) {
                        fit = there
                        scores.move(to: fit)
                        continue descent
                    }
                }
                return Descent(fit: fit, objective: objective(fit), isSettled: isSettled)
            }
        }

        /// The subsets that should lower the objective by what the scores say, the one to try first at the head: exchanges,
        /// the one that gains most first, drops, the one that costs least first, and the best addition.
        private func moves(from fit: SubsetFit, onlyExchanging: Bool) -> [[AtomDictionary.Atom]] {
            let (atoms, tolerance) = (fit.atoms, 1e-9 * total)
            let costs = atoms.indices.map { fit.dropCosts[$0] + charges.relief(atoms[$0]) }
            let gains = atoms.indices.map { i in
                scores.exchanges[i].map { $0.score + charges.relief(at: $0.atom.block) - costs[i] } ?? -costs[i]
            }
            var moves: [[AtomDictionary.Atom]] = []
            for i in atoms.indices.sorted(by: { (gains[$0], $1) > (gains[$1], $0) }) where gains[i] > tolerance {
                guard let exchange = scores.exchanges[i] else { continue }
                if dictionary.keepsDirections, exchange.atom.block == atoms[i].block,
                    gains[i] < SubsetSelection.turn * charges.base
                {
                    continue
                }
                moves.append(atoms)
                moves[moves.count - 1][i] = exchange.atom
            }
            if onlyExchanging { return moves }
            for i in atoms.indices.sorted(by: { (costs[$0], $0) < (costs[$1], $1) }) where costs[i] < charges.base {
                moves.append(atoms)
                moves[moves.count - 1].remove(at: i)
            }
            if let addition = scores.addition,
                addition.score + charges.relief(at: addition.atom.block) > charges.base + tolerance
            {
                moves.append(atoms + [addition.atom])
            }
            return moves
        }
    }
}
