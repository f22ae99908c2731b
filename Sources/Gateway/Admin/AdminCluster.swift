// AdminCluster: the admin port's requests about the cluster itself: leadership, members, snapshots, agreement.
//
//   POST leader/transfer   {"to": 2}                          "to" may be absent
//   GET  members
//   POST members/add       {"id": 4, "learner": false}
//   POST members/promote   {"id": 4}
//   POST members/remove    {"id": 2}
//   POST members/replace   {"id": 2, "with": 4}
//   POST snapshots         {}
//   POST verify            {}
//
// Not here: what they do (Replica, Raft).

extension AdminContext {
  private static let ids: ClosedRange<Int64> = 1...Int64.max

  func transferLeadership() throws(AdminRefusal) -> Action {
    let to = try optionalBody { fields throws(AdminFailure) in
      try fields.optionalInteger("to", in: Self.ids).map { UInt64($0) }
    }
    return control(.transferLeadership(to: to))
  }

  func changeMembers(_ verb: String) throws(AdminRefusal) -> Action {
    let request = try reading { fields throws(AdminFailure) -> ControlRequest in
      let id = UInt64(try fields.integer("id", in: Self.ids))
      switch verb {
      case "add":
        let isLearner = try fields.optionalFlag("learner") ?? false
        return .addMember(id: id, asVoter: !isLearner)
      case "promote": return .promoteMember(id: id)
      case "remove": return .removeMember(id: id)
      default: return .replaceMember(id: id, with: UInt64(try fields.integer("with", in: Self.ids)))
      }
    }
    return control(request)
  }

  func control(_ request: ControlRequest) -> Action {
    .control(request) { AdminAnswer.of($0) }
  }

  /// Reads a body that may be empty.
  private func optionalBody<T>(
    _ body: (inout AdminFields) throws(AdminFailure) -> T?
  ) throws(AdminRefusal) -> T? {
    request.body.isEmpty ? nil : try reading(body)
  }
}

extension AdminAnswer {
  /// What became of a control request.
  static func of(_ outcome: ControlOutcome) -> HTTPResponse {
    switch outcome {
    case .accepted: .json(status: 202) { w in w.object { $0.field("accepted", true) } }
    case .done(let index): at(index, .json { w in w.object { $0.field("index", index) } })
    case .refused(let reason): error(AdminFailure(409, reason))
    case .notLeader(let leader?):
      error(AdminFailure(503, "not done: this node does not lead; ask node \(leader)"))
    case .notLeader(nil): error(AdminFailure(503, "not done: the cluster has no leader"))
    case .unknown: error(AdminFailure(504, "outcome unknown: look before you try again"))
    case .saved(let directory, let index, let bytes):
      .json { w in
        w.object {
          $0.field("directory", directory)
          $0.field("index", index)
          $0.field("bytes", bytes)
        }
      }
    }
  }
}
