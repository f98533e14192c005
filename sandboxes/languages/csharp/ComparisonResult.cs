using System;
using System.Collections.Generic;
using System.Linq;

namespace KellermanSoftware.CompareNetObjects
{
    public class ComparisonConfig
    {
        // How many differences are collected before a comparison ends.
        public int MaxDifferences { get; set; } = 1;

        public bool CaseSensitive { get; set; } = true;

        // Whether an int may be compared with a long, or a List with an array.
        public bool IgnoreObjectTypes { get; set; }

        public bool IgnoreCollectionOrder { get; set; }

        // How far apart two floating-point numbers may be.
        public double DoublePrecision { get; set; }
    }

    public class Difference
    {
        // Where it is, such as "[2].Name"; empty for the objects themselves.
        public string PropertyName { get; set; }

        public string Object1Value { get; set; }

        public string Object2Value { get; set; }

        public override string ToString()
        {
            return "Types or values differ at '" + PropertyName + "': (" + Object1Value + ", " + Object2Value + ")";
        }
    }

    public class ComparisonResult
    {
        public ComparisonResult(ComparisonConfig config)
        {
            Config = config;
            Differences = new List<Difference>();
        }

        public ComparisonConfig Config { get; private set; }

        public List<Difference> Differences { get; private set; }

        public bool AreEqual
        {
            get { return Differences.Count == 0; }
        }

        public bool ExceededDifferences
        {
            get { return Differences.Count >= Config.MaxDifferences; }
        }

        public string DifferencesString
        {
            get { return string.Join(Environment.NewLine, Differences.Select(d => d.ToString())); }
        }
    }
}
