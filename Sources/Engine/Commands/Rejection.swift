// Rejection: every reason for which `apply` refuses a command. A refusal is a value, and changes
// nothing.
//
// Raw values are replicated (they stand in recorded outcomes): never renumber, only add.
// Not here: Binance's codes and messages for them (Gateway/REST/ErrorCode).

/// Why a command was refused.
public enum Rejection: UInt16, Error, Sendable, CaseIterable {
  // Requests
  case timestampAhead = 1
  case deadlinePassed = 2
  case keyUnknown = 3
  case keyRevoked = 4
  case permissionMissing = 5
  case tooManyOrders10Seconds = 6
  case tooManyOrdersDay = 7

  // Orders
  case symbolUnknown = 20
  case marketClosed = 21
  case orderTypeNotSupported = 22
  case filterPrice = 23
  case filterLotSize = 24
  case filterMarketLotSize = 25
  case filterNotional = 26
  case filterMaxOpenOrders = 27
  case priceTimesQuantityZero = 28
  case insufficientBalance = 29
  case duplicateClientOrderID = 30
  case wouldTakeImmediately = 31
  case selfTradePreventionNotAllowed = 32
  case liquidityBelowLotSize = 33
  case liquidityBelowMarketLotSize = 34
  case quantityTooLarge = 35

  case wouldTriggerImmediately = 100
  case icebergExceedsQuantity = 101
  /// Terms that cannot stand together.
  case combinationNotSupported = 102
  case pegNotAllowed = 103
  case pegPriceNotAllowed = 104
  case liquidityTooLowForPeg = 105

  // Lists
  case pricesNotRelated = 110
  case duplicateListID = 111
  case listUnknown = 112

  // Amendments
  case amendIncreases = 120
  case amendChangesNothing = 121
  case amendPendingProceeds = 122
  case filterMaxAmendments = 123

  // Rules and switches
  case filterPercentPrice = 140
  case filterPercentPriceBySide = 141
  case filterIcebergParts = 142
  case filterMaxAlgoOrders = 143
  case filterMaxIcebergOrders = 144
  case filterMaxOrderLists = 145
  case filterMaxPosition = 146
  case filterTrailingDelta = 147
  case filterExchangeMaxOrders = 148
  case filterExchangeMaxAlgoOrders = 149
  case filterExchangeMaxIcebergOrders = 150
  case filterExchangeMaxOrderLists = 151
  case filterMaxAsset = 152
  /// The operator switched this kind of order or movement off.
  case featureRefused = 153

  // Cancels
  case orderUnknown = 50
  case cancelIDsDisagree = 51
  case cancelRestricted = 52
  case noOpenOrders = 53

  // Administration
  case accountUnknown = 70
  case accountExists = 71
  case apiKeyExists = 72
  case assetUnknown = 73
  case assetExists = 74
  case symbolExists = 75
  case invalidDefinition = 76
  case fundsIDReused = 77
  case amountInvalid = 78
  case permissionsExceedAccount = 79
  case genesisRepeated = 80
  case limitReached = 81

  /// The exchange is not at the level of behaviour that the command needs, or the level cannot go
  /// there.
  case levelRefused = 154

  // Withdrawals
  case withdrawalUnknown = 160
  /// From the state that it is in, it cannot go there.
  case withdrawalStateRefused = 161

  // Faults
  /// The engine found its own state broken; the command was undone, its symbol halted.
  case engineFault = 99
}
