// Collect: encoding the rows that commands changed, and keeping the state hash in step with them.
//
// A record that changed many times since the last collection is encoded once.
// Invariants: afterwards the state hash is the sum of the hashes of all rows; the batch turns the
// stored rows of the last collection into those of now; the hash does not depend on when rows were
// collected.
// Not here: layouts (RowKeys, RowValues).

import Wire

extension Exchange {
  /// Appends the rows that changed since the last call, and brings `stateHash` up to date.
  /// - Complexity: O(changed rows).
  public mutating func collectRows(into batch: inout RowBatch) {
    batch.take(&written)
    collectBalances(&batch)
    collectOrders(&batch)
    collectWindows(&batch)
    collectSymbols(&batch)
    collectClosedIDs(&batch)
  }

  // Adds the row of something that changes all the time. Answers its hash.
  @inline(__always)
  private mutating func put(
    _ batch: inout RowBatch, replacing old: UInt128, key: (inout Packer) -> Void,
    value: (inout Packer) -> Void
  ) -> UInt128 {
    let hash = batch.put(
      atMost: RowKeys.bytesMax + RowValues.hotBytesMax, key: key, value: value)
    stateHash = stateHash &- old &+ hash
    return hash
  }

  private mutating func collectBalances(_ batch: inout RowBatch) {
    for i in 0..<ledger.dirty.count {
      let name = ledger.dirty[i]
      let balance = ledger.balance(name.account, name.asset)
      let old = balance.tag.hash
      let account = accounts.id(name.account).value
      if balance.free != 0 || balance.locked != 0 {
        let hash = put(
          &batch, replacing: old, key: { $0.key(RowKind.balance, account, name.asset.value) },
          value: { RowValues.balance(free: balance.free, locked: balance.locked, into: &$0) })
        ledger.clean(name, hash: hash)
      } else {
        if old != 0 {
          stateHash &-= old
          batch.delete(atMost: RowKeys.bytesMax) {
            $0.key(RowKind.balance, account, name.asset.value)
          }
        }
        ledger.clean(name, hash: 0)
      }
    }
    ledger.forgetDirty()
  }

  private mutating func collectOrders(_ batch: inout RowBatch) {
    for i in 0..<book.orders.dirty.count {
      let slot = book.orders.dirty[i]
      if i + 4 < book.orders.dirty.count { book.orders.fetch(order: book.orders.dirty[i + 4]) }
      guard book.orders[slot].live else {
        book.orders.clean(slot, hash: nil)
        continue
      }
      let special = book.orders[slot].special
      let state = special < 0 ? nil : book.specials[special]
      let account = accounts.id(book.orders[slot].account)
      let symbol = SymbolTable.id(book.orders[slot].symbol)
      let id = book.orders[slot].id
      let hash = batch.put(
        atMost: RowKeys.bytesMax + RowValues.hotBytesMax,
        key: { $0.openOrderKey(account, symbol, id) },
        value: {
          var view = book.orders.view(slot)
          RowValues.openOrder(
            &view, isPlain: book.orders.isPlain(slot, view),
            priority: book.orders[detail: slot].priority, special: state, into: &$0)
        })
      stateHash = stateHash &- book.orders[detail: slot].hash &+ hash
      book.orders.clean(slot, hash: hash)
    }
    book.orders.forgetDirty()
  }

  /// Adds the deletion of an order's row, if it has one.
  mutating func deleteRow(ofOrder slot: Int32) {
    let hash = book.orders[detail: slot].hash
    guard hash != 0 else { return }
    stateHash &-= hash
    let account = accounts.id(book.orders[slot].account)
    let symbol = SymbolTable.id(book.orders[slot].symbol)
    let id = book.orders[slot].id
    written.delete(atMost: RowKeys.bytesMax) { $0.openOrderKey(account, symbol, id) }
  }

  private mutating func collectWindows(_ batch: inout RowBatch) {
    for i in 0..<accounts.dirtyWindows.count {
      let place = accounts.dirtyWindows[i]
      let windows = accounts.states[place].windows
      let id = accounts.id(place).value
      let hash = put(
        &batch, replacing: accounts.states[place].windowsTag.hash,
        key: { $0.key(RowKind.orderCounts, id) },
        value: { RowValues.orderCounts(windows, into: &$0) })
      accounts.states[place].windowsTag.hash = hash
      accounts.states[place].windowsTag.dirty = false
    }
    accounts.dirtyWindows.removeAll()
  }

  private mutating func collectSymbols(_ batch: inout RowBatch) {
    for i in 0..<symbols.dirtyCounters.count {
      if planted == .counterStale { continue }
      let place = symbols.dirtyCounters[i]
      let id = symbols.states[place].id.value
      let counters = symbols.states[place].counters
      let hash = put(
        &batch, replacing: symbols.states[place].countersTag.hash,
        key: { $0.key(RowKind.symbolCounters, id) },
        value: { RowValues.counters(counters, into: &$0) })
      symbols.cleanCounters(place, hash: hash)
    }
    for i in 0..<symbols.dirtyBuckets.count {
      let bucket = symbols.dirtyBuckets[i]
      let owner = symbols.bucketOwners[Int(bucket)]
      let content = symbols.buckets[Int(bucket)]
      let id = symbols.states[owner.symbol].id.value
      let hash = put(
        &batch, replacing: content.hash.hash,
        key: { $0.key(RowKind.averagePrice, id, owner.number) },
        value: { RowValues.bucket(content, into: &$0) })
      symbols.cleanBucket(bucket, hash: hash)
    }
    symbols.forgetDirty()
  }

  private mutating func collectClosedIDs(_ batch: inout RowBatch) {
    for i in 0..<clientIDs.evicted.count {
      let entry = clientIDs.evicted[i]
      stateHash &-= hash(of: entry)
      batch.delete(atMost: RowKeys.bytesMax) { $0.key(RowKind.closedID, entry.sequence) }
    }
    for i in 0..<clientIDs.dirty.count {
      let slot = clientIDs.dirty[i]
      guard clientIDs[slot].live else {
        clientIDs.skip(slot)
        continue
      }
      let entry = clientIDs[slot]
      let stored = stored(entry)
      _ = put(
        &batch, replacing: 0, key: { $0.key(RowKind.closedID, entry.sequence) },
        value: { RowValues.closedID(stored, into: &$0) })
      clientIDs.clean(slot)
    }
    clientIDs.forgetDirty()
    if clientIDs.nextSequence != countersWritten || lists.next != listsWritten {
      let next = clientIDs.nextSequence
      let list = lists.next
      countersHash = put(
        &batch, replacing: countersHash, key: { $0.key(RowKind.engineCounters) },
        value: { RowValues.engineCounters(nextClosedID: next, nextList: list, into: &$0) })
      countersWritten = next
      listsWritten = list
    }
  }

  private func stored(_ entry: ClosedID) -> StoredClosedID {
    StoredClosedID(
      account: accounts.id(entry.account), fingerprint: entry.fingerprint,
      closedAt: entry.closedAt)
  }

  // The hash of the row of a closed id, which is not kept.
  private func hash(of entry: ClosedID) -> UInt128 {
    let capacity = RowKeys.bytesMax + RowValues.hotBytesMax
    return withUnsafeTemporaryAllocation(byteCount: capacity, alignment: 8) { memory in
      guard let start = memory.baseAddress else { return 0 }
      var packer = Packer(memory: start, capacity: capacity)
      packer.key(RowKind.closedID, entry.sequence)
      let keyCount = packer.count
      RowValues.closedID(stored(entry), into: &packer)
      return RowHash.of(row: start, keyCount: keyCount, valueCount: packer.count - keyCount)
    }
  }
}
