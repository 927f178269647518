//! `/api/v1/overview`: the totals of a range and how they developed.

use axum::{Json, extract::State};
use clickhouse::Row;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    ApiError, ApiState,
    error::ErrorAnswer,
    filters::{FilterParameters, Filters, Summary},
    kept::Source,
    openapi::ScopeParameters,
    range::{Range, Scope},
    reader::Reader,
};
use crate::store::Retention;

const TOTALS: &str = include_str!("../../queries/overview_totals.sql");
const SERIES_SECONDS: &str = include_str!("../../queries/overview_series_seconds.sql");
const SERIES_MINUTES: &str = include_str!("../../queries/overview_series_minutes.sql");
/// Of which tools there were calls: as clients called them, by hour; and farther back in all, by day.
const TOOLS: &str = include_str!("../../queries/overview_tools.sql");
const TOOLS_BY_DAY: &str = include_str!("../../queries/overview_tools_by_day.sql");
const SERVERS: &str = include_str!("../../queries/servers.sql");

/// Rates and latencies are not a number where there were no calls, which JSON writes as `null`.
#[derive(Row, Deserialize, Serialize, ToSchema)]
#[schema(as = TotalsRow)]
struct Totals {
    calls: u64,
    failures: u64,
    caller_errors: u64,
    auth_errors: u64,
    #[schema(value_type = Option<f64>)]
    failure_rate: f64,
    #[schema(value_type = Option<f64>)]
    caller_error_rate: f64,
    #[schema(value_type = Option<f64>)]
    p50_ms: f64,
    #[schema(value_type = Option<f64>)]
    p95_ms: f64,
    #[schema(value_type = Option<f64>)]
    p99_ms: f64,
    users: u64,
    clients: u64,
}

#[derive(Row, Deserialize)]
struct Tools {
    tools: u64,
}

#[derive(Row, Deserialize)]
struct Step {
    step: u32,
    calls: u64,
    failure_rate: f64,
    caller_error_rate: f64,
    p50_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
}

#[derive(Row, Deserialize)]
struct Server {
    server: String,
}

/// The totals of a range and how they developed.
#[derive(Serialize, ToSchema)]
pub(crate) struct Overview {
    range: Range,
    totals: TotalsAndRate,
    series: Series,
    servers: Vec<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Totals)]
struct TotalsAndRate {
    #[serde(flatten)]
    totals: Totals,
    calls_per_second: f64,
    /// `null` where it is not known: of one client, farther back than sums by hour are kept.
    tools: Option<u64>,
}

/// One value per step in each list.
#[derive(Serialize, ToSchema)]
struct Series {
    time: Vec<i64>,
    calls_per_second: Vec<f64>,
    #[schema(value_type = Vec<Option<f64>>)]
    failure_rate: Vec<f64>,
    #[schema(value_type = Vec<Option<f64>>)]
    caller_error_rate: Vec<f64>,
    #[schema(value_type = Vec<Option<f64>>)]
    p50_ms: Vec<f64>,
    #[schema(value_type = Vec<Option<f64>>)]
    p95_ms: Vec<f64>,
    #[schema(value_type = Vec<Option<f64>>)]
    p99_ms: Vec<f64>,
}

impl Series {
    fn new(range: &Range, steps: &[Step]) -> Self {
        let whole = range.steps();
        // Else there would be totals in the first minute of a server, and not a point in the charts.
        let is_new = |step: &Step| i64::from(step.step) >= whole;
        let count = match steps.last() {
            Some(last) if steps.iter().all(is_new) => i64::from(last.step) + 1,
            _ => whole,
        };
        let unknown = vec![f64::NAN; count as usize];
        let mut series = Self {
            time: (0..count).map(|index| range.step_at(index).0).collect(),
            calls_per_second: vec![0.0; count as usize],
            failure_rate: unknown.clone(),
            caller_error_rate: unknown.clone(),
            p50_ms: unknown.clone(),
            p95_ms: unknown.clone(),
            p99_ms: unknown,
        };
        for step in steps.iter().filter(|step| i64::from(step.step) < count) {
            let index = step.step as usize;
            let (_, seconds) = range.step_at(i64::from(step.step));
            series.calls_per_second[index] = step.calls as f64 / seconds as f64;
            series.failure_rate[index] = step.failure_rate;
            series.caller_error_rate[index] = step.caller_error_rate;
            series.p50_ms[index] = step.p50_ms;
            series.p95_ms[index] = step.p95_ms;
            series.p99_ms[index] = step.p99_ms;
        }
        series
    }
}

/// Answers with totals, series and the names of all servers, whatever server is asked for. A filter that is not summed up
/// is the error `not_summed_up`.
#[utoipa::path(
    get,
    path = "/overview",
    params(ScopeParameters, FilterParameters),
    responses((status = OK, description = "Totals and series", body = Overview), (status = "default", body = ErrorAnswer))
)]
pub(crate) async fn overview(
    State(state): State<ApiState>,
    Summary {
        scope,
        filters,
        retention,
    }: Summary,
) -> Result<Json<Overview>, ApiError> {
    let range = scope.range;
    let series_sql = if range.is_finer_than_minutes() {
        SERIES_SECONDS
    } else {
        SERIES_MINUTES
    };
    let reader = &state.reader;
    let totals = filters.of(reader.query(TOTALS, &scope));
    let series = filters.of(reader.query(series_sql, &scope)).param("step", range.step);
    let servers = reader.query(SERVERS, &scope);
    let (totals, steps, servers, tools) = tokio::try_join!(
        reader.rows::<Totals>(totals),
        reader.rows::<Step>(series),
        reader.rows::<Server>(servers),
        tools(reader, &scope, &filters, retention),
    )?;
    let totals = totals.into_iter().next().ok_or(ApiError::Internal)?;
    Ok(Json(Overview {
        totals: TotalsAndRate {
            calls_per_second: totals.calls as f64 / (range.to - range.from) as f64,
            totals,
            tools,
        },
        series: Series::new(&range, &steps),
        servers: servers.into_iter().map(|row| row.server).collect(),
        range,
    }))
}

/// How many tools were called. Which client called which is summed up by hour only.
async fn tools(
    reader: &Reader,
    scope: &Scope,
    filters: &Filters,
    retention: Retention,
) -> Result<Option<u64>, ApiError> {
    let sql = match scope.range.begins_before(Source::HourSums, retention) {
        true if filters.are_of_client() => return Ok(None),
        true => TOOLS_BY_DAY,
        false => TOOLS,
    };
    let rows: Vec<Tools> = reader.rows(filters.of(reader.query(sql, scope))).await?;
    Ok(rows.first().map(|row| row.tools))
}

#[cfg(test)]
mod tests {
    use super::{Range, Series, Step};

    fn step(step: u32) -> Step {
        Step {
            step,
            calls: 20,
            failure_rate: 0.5,
            caller_error_rate: 0.0,
            p50_ms: 1.0,
            p95_ms: 2.0,
            p99_ms: 3.0,
        }
    }

    #[test]
    fn a_step_that_has_just_begun_is_no_drop_behind_the_only_one() {
        // Calls of the step that ended a second ago may still arrive.
        let range = Range::aligned(600, 751, 751);
        assert_eq!((range.steps(), range.to), (14, 751));
        assert_eq!(
            Series::new(&range, &[step(14)]).calls_per_second,
            [vec![0.0; 14], vec![2.0]].concat()
        );
    }

    #[test]
    fn the_step_that_is_not_over_is_shown_only_where_it_is_all_there_is() {
        let range = Range::aligned(600, 750, 750);
        let whole = range.steps();
        assert_eq!(whole, 14, "of ten seconds each");
        for (case, steps, rates) in [
            ("no calls", &[][..], vec![0.0; 14]),
            (
                "calls of a step that is over",
                &[13],
                [vec![0.0; 13], vec![2.0]].concat(),
            ),
            ("and of one that is not", &[13, 14], [vec![0.0; 13], vec![2.0]].concat()),
            ("only of one that is not", &[14], [vec![0.0; 14], vec![2.0]].concat()),
        ] {
            let steps: Vec<_> = steps.iter().copied().map(step).collect();
            let series = Series::new(&range, &steps);
            assert_eq!(series.calls_per_second, rates, "{case}");
            assert_eq!(series.time.len(), rates.len(), "{case}");
        }
    }
}
