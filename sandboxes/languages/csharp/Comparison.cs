using System;
using System.Collections;
using System.Collections.Generic;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace KellermanSoftware.CompareNetObjects
{
    // One comparison: walks two object graphs side by side and notes where they differ.
    internal sealed class Comparison
    {
        private readonly ComparisonConfig config;
        private readonly ComparisonResult result;

        // The pairs that are being compared further up: a pair that meets itself again is a cycle.
        private readonly HashSet<Pair> open = new HashSet<Pair>();

        internal Comparison(ComparisonResult result)
        {
            this.result = result;
            config = result.Config;
        }

        internal void Compare(object a, object b, string path)
        {
            if (result.ExceededDifferences || (a == null && b == null)) return;
            if (a == null || b == null || (a.GetType() != b.GetType() && !config.IgnoreObjectTypes))
            {
                Differ(a, b, path);
            }
            else if (IsScalar(a) || IsScalar(b))
            {
                if (!SameScalars(a, b)) Differ(a, b, path);
            }
            else
            {
                var pair = new Pair(a, b);
                if (!open.Add(pair)) return;
                CompareParts(a, b, path);
                open.Remove(pair);
            }
        }

        private void CompareParts(object a, object b, string path)
        {
            if (a is IDictionary && b is IDictionary) CompareDictionaries((IDictionary)a, (IDictionary)b, path);
            else if (a is IEnumerable && b is IEnumerable) CompareSequences((IEnumerable)a, (IEnumerable)b, path);
            else if (a.GetType() == b.GetType()) CompareMembers(a, b, path);
            else Differ(a, b, path);
        }

        private void CompareDictionaries(IDictionary a, IDictionary b, string path)
        {
            if (a.Count != b.Count) Differ(a, b, path + ".Count");
            foreach (object key in a.Keys)
            {
                string at = path + "[" + key + "]";
                if (b.Contains(key)) Compare(a[key], b[key], at);
                else Differ(a[key], null, at);
            }
            foreach (object key in b.Keys)
            {
                if (!a.Contains(key)) Differ(null, b[key], path + "[" + key + "]");
            }
        }

        private void CompareSequences(IEnumerable a, IEnumerable b, string path)
        {
            var left = Items(a);
            var right = Items(b);
            if (left.Count != right.Count || !SameShape(a as Array, b as Array))
            {
                Differ(a, b, path + ".Count");
                return;
            }
            if (config.IgnoreCollectionOrder)
            {
                CompareUnordered(left, right, path);
                return;
            }
            for (int i = 0; i < left.Count && !result.ExceededDifferences; i++)
            {
                Compare(left[i], right[i], path + "[" + i + "]");
            }
        }

        private void CompareUnordered(List<object> left, List<object> right, string path)
        {
            foreach (object item in left)
            {
                int at = right.FindIndex(other => Equal(item, other));
                if (at >= 0) right.RemoveAt(at);
                else Differ(item, null, path);
            }
        }

        private bool Equal(object a, object b)
        {
            var apart = new ComparisonResult(config);
            new Comparison(apart).Compare(a, b, "");
            return apart.AreEqual;
        }

        private void CompareMembers(object a, object b, string path)
        {
            const BindingFlags Public = BindingFlags.Instance | BindingFlags.Public;
            foreach (FieldInfo field in a.GetType().GetFields(Public))
            {
                Compare(field.GetValue(a), field.GetValue(b), path + "." + field.Name);
            }
            foreach (PropertyInfo property in a.GetType().GetProperties(Public))
            {
                if (property.GetGetMethod() == null || property.GetIndexParameters().Length > 0) continue;
                Compare(Read(property, a), Read(property, b), path + "." + property.Name);
            }
        }

        // What a getter throws is passed on as it is.
        private static object Read(PropertyInfo property, object of)
        {
            try
            {
                return property.GetValue(of, null);
            }
            catch (TargetInvocationException e)
            {
                ExceptionDispatchInfo.Capture(e.InnerException).Throw();
                throw;
            }
        }

        private static List<object> Items(IEnumerable sequence)
        {
            var items = new List<object>();
            foreach (object item in sequence) items.Add(item);
            return items;
        }

        private static bool SameShape(Array a, Array b)
        {
            if (a == null || b == null) return true;
            if (a.Rank != b.Rank) return false;
            for (int i = 0; i < a.Rank; i++)
            {
                if (a.GetLength(i) != b.GetLength(i)) return false;
            }
            return true;
        }

        private static bool IsScalar(object value)
        {
            Type type = value.GetType();
            return type.IsPrimitive || type.IsEnum || value is string || value is decimal || value is DateTime
                || value is DateTimeOffset || value is TimeSpan || value is Guid || value is Uri || value is Delegate
                || value is MemberInfo || type == typeof(object);
        }

        private bool SameScalars(object a, object b)
        {
            if (a is string && b is string)
            {
                return string.Equals((string)a, (string)b,
                    config.CaseSensitive ? StringComparison.Ordinal : StringComparison.OrdinalIgnoreCase);
            }
            if ((a is double || a is float) && (b is double || b is float))
            {
                double left = Convert.ToDouble(a), right = Convert.ToDouble(b);
                return left.Equals(right) || Math.Abs(left - right) <= config.DoublePrecision;
            }
            if (a is object && a.GetType() == typeof(object)) return b.GetType() == typeof(object);
            return a.Equals(b);
        }

        private void Differ(object a, object b, string path)
        {
            if (result.ExceededDifferences) return;
            result.Differences.Add(new Difference { PropertyName = path, Object1Value = Show(a), Object2Value = Show(b) });
        }

        private static string Show(object value)
        {
            return value == null ? "(null)" : value + " of type " + value.GetType().Name;
        }

        // Two objects by identity.
        private struct Pair : IEquatable<Pair>
        {
            private readonly object a;
            private readonly object b;

            internal Pair(object a, object b)
            {
                this.a = a;
                this.b = b;
            }

            public bool Equals(Pair other)
            {
                return ReferenceEquals(a, other.a) && ReferenceEquals(b, other.b);
            }

            public override bool Equals(object other)
            {
                return other is Pair && Equals((Pair)other);
            }

            public override int GetHashCode()
            {
                return RuntimeHelpers.GetHashCode(a) * 31 + RuntimeHelpers.GetHashCode(b);
            }
        }
    }
}
