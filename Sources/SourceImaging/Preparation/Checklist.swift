/// What was looked at while a problem was prepared, in the order in which it was.
///
/// Steps add to it as they go, so that a list remains of what was looked at before one of them fails.
struct Checklist {
    /// How the caller's users know a setting.
    let naming: (SettingName) -> String
    private(set) var checks: [HealthCheck] = []
    /// The first thing that is wrong.
    private(set) var firstError: InputError?

    init(naming: @escaping (SettingName) -> String) { self.naming = naming }

    /// Something is as it should be.
    mutating func ok(_ name: String, _ finding: Message) { add(name, .ok, finding, "") }

    /// Something is possible, but worth a look.
    mutating func look(_ name: String, _ finding: Message, _ advice: Message = "") { add(name, .look, finding, advice) }

    /// Something is wrong.
    mutating func wrong(_ name: String, _ error: InputError) {
        checks.append(HealthCheck(name: name, mark: .wrong, finding: error.text(naming: naming), advice: ""))
        firstError = firstError ?? error
    }

    private mutating func add(_ name: String, _ mark: HealthCheck.Mark, _ finding: Message, _ advice: Message) {
        checks.append(
            HealthCheck(
                name: name, mark: mark, finding: finding.text(naming: naming), advice: advice.text(naming: naming)))
    }

    /// Throws the first thing that is wrong, if anything is.
    func validate() throws(InputError) {
        if let firstError { throw firstError }
    }

    /// What a user should know, one line each: all that is not as it should be.
    var warnings: [String] { checks.filter { $0.mark != .ok }.map(\.text) }
}
