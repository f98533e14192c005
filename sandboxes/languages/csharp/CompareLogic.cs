// The part of the library CompareNETObjects that the published C# tests call, under its names.
//
// What is equal, under the default configuration: two nulls; two objects of the same run-time type
// (an int is no double, an array is no List) that are
// - equal strings, numbers, dates and the like (NaN equals NaN alone),
// - dictionaries with the same keys and, for each, equal values,
// - sequences of the same length, sets included, with equal items in the same order,
// - anything else whose public fields and properties are equal.
using System;

namespace KellermanSoftware.CompareNetObjects
{
    public class CompareLogic
    {
        public CompareLogic() : this(new ComparisonConfig())
        {
        }

        public CompareLogic(ComparisonConfig config)
        {
            Config = config;
        }

        public ComparisonConfig Config { get; set; }

        public ComparisonResult Compare(object expectedObject, object actualObject)
        {
            var result = new ComparisonResult(Config);
            new Comparison(result).Compare(expectedObject, actualObject, "");
            return result;
        }
    }
}
