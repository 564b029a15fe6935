import Foundation

/// What a condition is called where MNE-Python wrote down how it was averaged: of `0.4 × a/b/1 + 0.6 × a/b/2` it is what all
/// parts share, `a/b`, so that conditions of different subjects, whose weights differ, are the same one.
enum ConditionTitle {
    /// The title of a comment; the comment itself where it is not such a sum.
    static func of(_ comment: String) -> String {
        guard comment.contains(" × ") else { return comment }
        let sides = comment.components(separatedBy: ") - (").map { side in
            side.trimmingPrefix("(").trimmingSuffix(")")
        }
        let titles = sides.map { shared(by: String($0)) }
        return titles.contains("") ? comment : titles.joined(separator: " minus ")
    }

    /// The parts between slashes that all terms of a sum share.
    private static func shared(by sum: String) -> String {
        let terms = sum.components(separatedBy: " + ").map { term in
            (term.components(separatedBy: " × ").last ?? term).split(separator: "/").map(String.init)
        }
        guard let first = terms.first else { return "" }
        return first.filter { tag in terms.allSatisfy { $0.contains(tag) } }.joined(separator: "/")
    }
}

extension Substring {
    fileprivate func trimmingSuffix(_ suffix: String) -> Substring { hasSuffix(suffix) ? dropLast(suffix.count) : self }
}
