/**
 * A recorded storm through a house of its own: own data folder, drill clock, everything marked as replay. The house
 * that watches the real district is not touched.
 */
