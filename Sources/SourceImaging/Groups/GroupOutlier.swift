/// A number of a member that is far from those of the others in its condition.
public struct GroupOutlier: Sendable, Equatable {
    /// What is compared.
    public enum Quantity: String, Sendable, CaseIterable {
        case rank
        case noiseDeviation = "noise deviation"
        case goodnessOfFit = "goodness of fit"
        case sourceCount = "number of sources"

        func value(_ member: GroupMember) -> Double {
            switch self {
            case .rank: Double(member.rank)
            case .noiseDeviation: member.noiseDeviation
            case .goodnessOfFit: member.goodnessOfFit
            case .sourceCount: Double(member.sources.count)
            }
        }
    }

    /// Whom it is of.
    public let subject: String
    /// In which condition; may be empty.
    public let condition: String
    /// What is compared.
    public let quantity: Quantity
    /// Its value, in the unit of ``GroupMember``.
    public let value: Double
    /// The median of the condition.
    public let median: Double
    /// Distance from the median in robust standard deviations; nil where more than half of the members are alike.
    public let score: Double?

    /// Members of a condition from which on they are judged.
    public static let fewest = 5
    /// Score from which on a value is told.
    public static let limit = 3.5

    /// The values that stand out within their condition: further than 3.5 · 1.4826 · MAD from the median (Iglewicz & Hoaglin
    /// 1993), MAD being the median absolute deviation; where that is 0, further than a tenth of the median. Fewer than five
    /// members are not judged.
    ///
    /// - Returns: by subject, condition and quantity.
    /// - Complexity: O(members · log members).
    public static func find(_ members: [GroupMember]) -> [GroupOutlier] {
        let members = members.sorted(by: GroupMember.isOrdered)
        let conditions = Dictionary(grouping: members, by: \.condition)
        let statistics = conditions.mapValues { alike in
            Quantity.allCases.map { quantity in Spread(alike.map { quantity.value($0) }) }
        }
        return members.flatMap { member in
            zip(Quantity.allCases, statistics[member.condition] ?? []).compactMap { quantity, spread in
                let value = quantity.value(member)
                guard let spread, spread.isFar(value) else { return nil }
                return GroupOutlier(
                    subject: member.subject, condition: member.condition, quantity: quantity, value: value,
                    median: spread.median, score: spread.score(value))
            }
        }
    }

    /// Median and median absolute deviation.
    private struct Spread {
        let median: Double
        let deviation: Double

        init?(_ values: [Double]) {
            let values = values.filter(\.isFinite)
            guard values.count >= fewest else { return nil }
            let median = Self.median(values)
            self.median = median
            deviation = Self.median(values.map { abs($0 - median) })
        }

        func score(_ value: Double) -> Double? {
            deviation > 0 ? (value - median) / (1.4826 * deviation) : nil
        }

        func isFar(_ value: Double) -> Bool {
            guard value.isFinite else { return false }
            return score(value).map { abs($0) > limit } ?? (abs(value - median) > 0.1 * abs(median))
        }

        private static func median(_ values: [Double]) -> Double {
            let sorted = values.sorted()
            let half = sorted.count / 2
            return sorted.count % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
        }
    }
}
