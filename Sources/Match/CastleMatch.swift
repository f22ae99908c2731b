// CastleMatch: the engine's order book behind the nine C functions of a public referee
// (flash1-dev/matching-engine-benchmark), as a dynamic library that anyone can load into it.
//
// Invariants: every level, queue and order is the engine's (BareBook); this room holds none. One
// engine a process, driven by one thread, as the referee does.
// Not here: the referee, and anything that it measures.

import CMatch
import Engine

/// The book and where its reports go.
private struct Driver: ~Copyable {
  private enum Report {
    static let orderAck: UInt8 = 0
    static let trade: UInt8 = 1
    static let cancelAck: UInt8 = 2
    static let modifyAck: UInt8 = 3
    static let cancelReject: UInt8 = 4
    static let modifyReject: UInt8 = 5
  }

  var book = BareBook()
  private let push: @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<cm_report>?) -> Int32
  private let sink: UnsafeMutableRawPointer?
  private var report = cm_report()

  init?(_ transport: cm_transport, _ sink: UnsafeMutableRawPointer?) {
    guard let push = transport.push else { return nil }
    self.push = push
    self.sink = sink
  }

  mutating func place(_ order: cm_new_order) {
    tell(
      Report.orderAck, order.sequence_number, order.order_id, order.side, order.price_ticks,
      order.quantity)
    let left = match(
      order.order_id, order.sequence_number, order.side, order.price_ticks, order.quantity,
      rests: order.ioc == 0)
    if left > 0, order.ioc != 0 {
      tell(
        Report.cancelAck, order.sequence_number, order.order_id, order.side, order.price_ticks,
        left)
    }
  }

  mutating func cancel(_ cancel: cm_cancel) {
    guard let rest = book.cancel(cancel.order_id) else {
      tell(Report.cancelReject, cancel.sequence_number, cancel.order_id, 0, 0, 0)
      return
    }
    tell(
      Report.cancelAck, cancel.sequence_number, cancel.order_id, rest.isBuy ? 0 : 1, rest.price,
      UInt32(rest.quantity))
  }

  // Cancel and place again, as the referee wants it: the place in the queue is lost.
  mutating func modify(_ modify: cm_modify) {
    guard let rest = book.cancel(modify.order_id) else {
      tell(Report.modifyReject, modify.sequence_number, modify.order_id, 0, 0, 0)
      return
    }
    let side: UInt8 = rest.isBuy ? 0 : 1
    tell(
      Report.modifyAck, modify.sequence_number, modify.order_id, side, modify.new_price_ticks,
      modify.new_quantity)
    _ = match(
      modify.order_id, modify.sequence_number, side, modify.new_price_ticks, modify.new_quantity,
      rests: true)
  }

  private mutating func match(
    _ id: UInt64, _ sequence: UInt64, _ side: UInt8, _ price: Int64, _ quantity: UInt32,
    rests: Bool
  ) -> UInt32 {
    guard quantity > 0, price >= BareBook.priceMin else { return quantity }
    let done = book.place(
      id, isBuy: side == 0, price: price, quantity: Int64(quantity), rests: rests)
    for position in 0..<done.fills {
      let fill = book.fill(position)
      report = cm_report()
      report.type = Report.trade
      report.sequence_number = sequence
      report.price_ticks = fill.price
      report.quantity = UInt32(fill.quantity)
      report.maker_order_id = fill.maker
      report.taker_order_id = id
      send()
    }
    return UInt32(done.left)
  }

  private mutating func tell(
    _ type: UInt8, _ sequence: UInt64, _ id: UInt64, _ side: UInt8, _ price: Int64,
    _ quantity: UInt32
  ) {
    report = cm_report()
    report.type = type
    report.sequence_number = sequence
    report.order_id = id
    report.side = side
    report.price_ticks = price
    report.quantity = quantity
    send()
  }

  // The queue is full only while its reader is behind.
  private mutating func send() { while push(sink, &report) == 0 {} }
}

// One pointer, set and cleared by the thread that drives everything.
nonisolated(unsafe) private var driver: UnsafeMutablePointer<Driver>?  // C has no handle

@_cdecl("engine_init")
public func engineInit(
  _ seed: UInt64, _ transport: UnsafePointer<cm_transport>?, _ sink: UnsafeMutableRawPointer?
) {
  engineShutdown()
  guard let transport, let made = Driver(transport.pointee, sink) else { return }
  let place = UnsafeMutablePointer<Driver>.allocate(capacity: 1)
  place.initialize(to: made)
  driver = place
}

@_cdecl("engine_shutdown")
public func engineShutdown() {
  driver?.deinitialize(count: 1)
  driver?.deallocate()
  driver = nil
}

@_cdecl("engine_on_new_order")
public func engineOnNewOrder(_ order: UnsafePointer<cm_new_order>) {
  driver?.pointee.place(order.pointee)
}

@_cdecl("engine_on_cancel")
public func engineOnCancel(_ cancel: UnsafePointer<cm_cancel>) {
  driver?.pointee.cancel(cancel.pointee)
}

@_cdecl("engine_on_modify")
public func engineOnModify(_ modify: UnsafePointer<cm_modify>) {
  driver?.pointee.modify(modify.pointee)
}

@_cdecl("engine_flush")
public func engineFlush() {}

@_cdecl("engine_query_best_bid")
public func engineQueryBestBid() -> Int64 { driver?.pointee.book.best(isBuy: true) ?? .min }

@_cdecl("engine_query_best_ask")
public func engineQueryBestAsk() -> Int64 { driver?.pointee.book.best(isBuy: false) ?? .max }

@_cdecl("engine_query_depth_at")
public func engineQueryDepth(_ price: Int64, _ side: UInt8) -> UInt64 {
  UInt64(driver?.pointee.book.depth(isBuy: side == 0, at: price) ?? 0)
}
